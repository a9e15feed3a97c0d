"""An AuditWorld that also pays and closes: proposals, replies and seals by the product's rules, statements by hand."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from schemas.topics import STATEMENTS
from services.kernel.time import format_rfc3339
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.payout_ports import StoredPayout
from services.settlement.books.ports import LineChange
from services.settlement.domain.book.commands import canonical_json
from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.book.seals import NO_SEAL, SealHash, sum_line
from services.settlement.domain.paying.payouts import INSTRUCTED, cancellation_rows
from services.settlement.domain.remittance.replies import (
    AwaitedPayout,
    PayoutOutcome,
    ReplyMove,
    ReplyRow,
    judge_reply,
)
from services.settlement.domain.settling.transfers import Occasion
from services.settlement.domain.statements.merkle import MerkleTree
from services.settlement.domain.statements.owners import statement_party
from services.settlement.payouts.tally import batch_result, sums_of
from tests.kit import payouts
from tests.kit.audit_world import AuditWorld, MemoryTopics, Record
from tests.kit.book_driver import WRITER_N, ZONE_MINUTES

Sums = Counter[tuple[str, str]]


class WorldClose(NamedTuple):
    """A close, and what its month's rows came to by account and currency."""

    period: str
    revision: int
    seal: bytes
    sums: Sums


class PaidWorld(AuditWorld):
    """A world with payouts, closes and statements."""

    def __init__(self) -> None:
        super().__init__()
        self._closes: list[WorldClose] = []
        self._statements: list[Record] = []

    # payouts

    def propose(self, batch: str, as_of: int) -> list[StoredPayout]:
        """Propose payouts; those that there are."""
        point = self._point()
        stored = payouts.propose(self, as_of, batch)
        result = batch_result(stored.counts, stored.plan_sha256)
        self._record("payout.proposed", batch, {"as_of": format_rfc3339(as_of)}, result, point)
        return self.store.stored_payouts(batch)

    def approve(self, batch: str, by: str = "eve") -> None:
        """By another person."""
        stored, _ = self.store.state.batches[batch]
        result = {**sums_of(self._open(batch)), "plan_sha256": stored.plan_sha256.hex()}
        self._set_status(batch, "approved")
        self._decide("payout.approved", {"batch": batch}, result, by)

    def export(self, batch: str) -> None:
        """One file a currency and rail."""
        files: dict[tuple[str, str], list[StoredPayout]] = {}
        for one in self._open(batch):
            files.setdefault((one.plan.payee.rail, one.plan.currency), []).append(one)
        result = {
            "files": [
                {
                    "name": f"{batch}-{rail}-{of}", "sha256": "0" * 64, "payouts": len(some), "currency": of,
                    "amount_minor": sum(one.plan.amount_minor for one in some),
                }
                for (rail, of), some in files.items()
            ]
        }  # fmt: skip
        self._decide("payout.exported", {"batch": batch, "form": None}, result)

    def cancel(self, batch: str, payout: str | None = None) -> None:
        """A batch, or one payout of it."""
        gone = [one for one in self._open(batch) if payout in (None, one.id)]
        for one in gone:
            occasion = Occasion("a test", self.store.state.now)
            self._book(f"payout|{one.id}", cancellation_rows(one.plan, occasion), one.plan.currency)
            self._keep(one._replace(status="cancelled"))
        if not self._open(batch):
            self._set_status(batch, "cancelled")
        self._decide("payout.cancelled", {"batch": batch, "payout": payout}, sums_of(gone))

    def reply(self, file: str, rows: Iterable[ReplyRow], part: int = 1) -> None:
        """A part of a bank's file."""
        every, findings, offset, point = list(rows), [], self.registry_offset, self._point()
        for number, row in enumerate(every, 1):
            one = self.store.state.payouts.get(row.payout)
            judged = judge_reply(row, None if one is None else _awaited(one))
            if one is None or not isinstance(judged, ReplyMove):
                findings.append([number, str(judged)])
                continue
            draft = EntryDraft(judged.kind, ONLY, "a test", self.store.state.now, judged.legs)
            self._book(f"payout|{one.id}|{row.outcome}", [draft], one.plan.currency)
            kept = one._replace(status=row.outcome.value)
            came_back = row.outcome is not PayoutOutcome.CONFIRMED
            self._keep(kept._replace(is_refused=True, refused_at=offset) if came_back else kept)
        body = {
            "file_sha256": hashlib.sha256(file.encode()).hexdigest(), "form": "csv", "part": part,
            "rows": [[row[0], row[1].value, *row[2:]] for row in every],
        }  # fmt: skip
        result = {"booked": len(every) - len(findings), "findings": findings}
        self._record("payout.replied", f"{file}-{part}", body, result, point)

    def release_payout(self, payout: str) -> None:
        """Let go of what is held for a payout that came back."""
        self._keep(self.store.state.payouts[payout]._replace(is_refused=False))
        self._decide("payout.released", {"payout": payout}, {})

    # months

    def close(self, period: str) -> None:
        """Close YYYY-MM, and issue its statements."""
        point, journal = self._point(), self.journal()
        sums: Sums = Counter()
        for row in journal:
            if row.entry.period == period:
                for account, amount in row.entry.legs.items():
                    sums[account, row.entry.currency] += amount
        previous = self._closes[-1].seal if self._closes else NO_SEAL
        revision = 1 + sum(one.period == period for one in self._closes)
        lines = sorted(sum_line(account, of, amount) for (account, of), amount in sums.items() if amount)
        seal = SealHash(previous, period, revision, point["seqs"]).add(lines).digest()
        self.store.state.periods[period] = True
        result = {"revision": revision, "seal": seal.hex(), "cut": point["seqs"]}
        self._decide("period.closed", {"period": period}, result)
        self._closes.append(WorldClose(period, revision, seal, sums))
        self._issue(self._closes[-1])

    def reopen(self, period: str, by: str = "eve") -> None:
        """By two people."""
        self._decide("period.reopen_proposed", {"period": period}, {"revision": 1})
        self.store.state.periods[period] = False
        proposal = f"command-{self._last.seq}"
        self._decide("period.reopened", {"proposal": proposal, "period": period}, {"revision": 1}, by)

    def topics(self) -> MemoryTopics:
        """All that is published, with the statements."""
        topics = super().topics()
        topics.logs[STATEMENTS.name, 0] = [json.dumps(one).encode() for one in self._statements]
        return topics

    def _issue(self, close: WorldClose) -> None:
        """A statement for each party that has or had anything."""
        latest = {one.period: one for one in self._closes[:-1] if one.period < close.period}
        opening: Sums = Counter()
        for one in latest.values():
            opening.update(one.sums)
        names = sorted({(statement_party(account), of) for account, of in (*opening, *close.sums)})
        bodies = [_body(close, *name, opening) for name in names]
        digests = [hashlib.sha256(canonical_json(body).encode()).digest() for body in bodies]
        tree = MerkleTree(digests)
        for index, ((party, of), body, digest) in enumerate(zip(names, bodies, digests, strict=True)):
            self._statements.append({
                "seq": len(self._statements) + 1, "period": close.period, "revision": close.revision, "party": party,
                "currency": of, "statement": body, "sha256": digest.hex(), "root": tree.root.hex(),
                "path": [step.hex() for step in tree.path(index)],
            })  # fmt: skip

    # both

    def _open(self, batch: str) -> list[StoredPayout]:
        return [one for one in self.store.stored_payouts(batch) if one.status == INSTRUCTED]

    def _set_status(self, batch: str, status: str) -> None:
        stored, nets = self.store.state.batches[batch]
        self.store.state.batches[batch] = stored._replace(status=status), nets

    def _keep(self, payout: StoredPayout) -> None:
        self.store.state.payouts[payout.id] = payout

    def _decide(self, kind: str, body: Record, result: dict[str, Any], by: str = "ann") -> None:
        self._record(kind, f"command-{self._last.seq + 1}", body, result, self._point(), by)

    def _book(self, idem: str, rows: list[EntryDraft], currency: str) -> None:
        """Entries of writer N."""
        with self.store.transaction() as transaction:
            writers = transaction.lock_writers({WRITER_N})
            moment = transaction.moment(self.reference)
            builder = EntryBuilder(writers, moment, ZONE_MINUTES, PostingCounts())
            entries = builder.build(WRITER_N, idem, rows, currency, None)
            transaction.write([LineChange(entries)], [], writers, moment.now)


def _awaited(one: StoredPayout) -> AwaitedPayout:
    plan = one.plan
    return AwaitedPayout(one.id, plan.party, plan.currency, plan.amount_minor, plan.payee.rail, one.status)


def _body(close: WorldClose, party: str, currency: str, opening: Sums) -> Record:
    """A statement with its blocks and nothing else."""
    head = {
        "form": "koc-statement-1", "party": party, "currency": currency, "period": close.period,
        "revision": close.revision, "seal": close.seal.hex(),
    }  # fmt: skip
    accounts = {account for account, of in (*opening, *close.sums) if of == currency}

    def block(**columns: dict[str, int]) -> Record:
        def sums(balances: Sums) -> dict[str, int]:
            return {
                f"{name}_minor": sum(sign * balances[one, currency] for one, sign in of.items())
                for name, of in columns.items()
            }

        begin, moved = sums(opening), sums(close.sums)
        closing = {name: begin[name] + moved[name] for name in begin}
        return {"opening": begin, "movements": [moved], "earlier": [], "closing": closing}

    if party == "platform":
        own = sorted(account for account in accounts if statement_party(account) == party)
        return head | {"accounts": [{"account": one, **block(amount={one: 1})} for one in own]}
    if party.startswith("brand:"):
        return head | {name: block(**{name: {f"{party}:{name}": 1}}) for name in ("accrued", "receivable")}
    payable, held, owed_back = {f"{party}:payable": -1}, {f"{party}:held": -1}, {f"clawback:{party}": 1}
    balance = {**payable, **held, f"clawback:{party}": -1}
    return head | {
        "pending": block(pending={f"{party}:pending": -1}),
        "balance": block(payable=payable, held=held, owed_back=owed_back, balance=balance),
    }
