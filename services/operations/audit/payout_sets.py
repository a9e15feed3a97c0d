"""The entries that a payout covers: the legs of its party's payable account between two cuts come to its amount."""

from typing import TYPE_CHECKING

from services.operations.audit.chains import LedgerFacts
from services.operations.audit.payouts import AuditedBatch, AuditedPayout, PayoutBook
from services.operations.audit.report import AuditReport

if TYPE_CHECKING:
    from services.operations.audit.party_nets import PartyMoney

NOT_COVERED = frozenset({"payout.instructed", "payout.cancelled", "tax.withheld"})
"""Kinds that move a payout itself."""


class PayoutSets:
    """Keeps the legs of payable accounts while the ledger is read."""

    def __init__(self) -> None:
        self._legs: dict[PartyMoney, list[tuple[int, int, int]]] = {}
        self._first_instructed: dict[str, int] = {}

    def take(self, entry: LedgerFacts) -> None:
        """The next row of a writer."""
        if entry.kind == "payout.instructed":
            batch = entry.idem_key.split("|")[1]
            self._first_instructed.setdefault(batch, entry.seq)
        if entry.kind in NOT_COVERED:
            return
        for leg in entry.legs:
            if leg.account.endswith(":payable"):
                key = leg.account.removesuffix(":payable"), entry.currency
                self._legs.setdefault(key, []).append((entry.writer, entry.seq, leg.amount_minor))

    def check(self, payouts: PayoutBook, report: AuditReport) -> None:
        """Compare each payout that was not cancelled with what it covers."""
        before: dict[PartyMoney, list[int]] = {}
        for batch in payouts.batches.values():
            cut = self._cut_of(batch)
            for one in batch.payouts:
                if one.state != "cancelled":
                    key = one.party, one.currency
                    self._compare(one, before.get(key, [0] * len(cut)), cut, report)
                    before[key] = cut

    def _cut_of(self, batch: AuditedBatch) -> list[int]:
        """The last numbers that a batch's payouts cover: its nets are covered, its payouts are not."""
        *lines, last = batch.seqs
        return [*lines, self._first_instructed.get(batch.id, last + 1) - 1]

    def _compare(self, payout: AuditedPayout, before: list[int], cut: list[int], report: AuditReport) -> None:
        report.checked["payout sets"] += 1
        legs = self._legs.get((payout.party, payout.currency), ())
        covered = [minor for writer, seq, minor in legs if before[writer] < seq <= cut[writer]]
        if -sum(covered) != payout.amount_minor:
            where = f"payout {payout.id} of batch {payout.batch}, {payout.party} {payout.currency}"
            report.differ(
                "payout set", where, payout.amount_minor, f"{len(covered)} entries that come to {-sum(covered)}"
            )
