"""Payouts, made again: proposals, approvals, cancellations, exports, replies by the state machine, and releases."""

from base64 import b32encode
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from services.operations.audit.chains import CommandFacts
from services.operations.audit.content_fees import AccountOf
from services.operations.audit.line_book import AuditedLine
from services.operations.audit.party_nets import NetOutcome, PartyMoney
from services.operations.audit.plan_proof import batch_proof
from services.operations.audit.pricing import LIMIT_MINOR
from services.operations.audit.registry_view import RegistryView
from services.operations.audit.report import AuditReport

NEXT = {("instructed", "confirmed"), ("instructed", "rejected"), ("confirmed", "returned")}
"""(state, outcome) of replies that book something; nothing else does."""

RAILS = {"csv": "bank", "pain.001": "bank", "wechat": "wechat", "alipay": "alipay"}
"""The rail of each form of a payment file."""


class PayoutMoment(NamedTuple):
    """What a proposal is a function of, besides the nets.

    Args:
        number: of the decision among runs and proposals.
        as_of: its moment, microseconds.
        view: the registry at its point.
        owners_on_hold: parties whose whole money is kept back.
        refused: what came back and is held for it.
        held_lines: by party, its unpaid lines in an open dispute or hold.
    """

    number: int
    as_of: int
    view: RegistryView
    owners_on_hold: frozenset[str]
    refused: Mapping[PartyMoney, int]
    held_lines: Mapping[PartyMoney, Collection[AuditedLine]]


@dataclass(slots=True)
class AuditedPayout:
    """A payout. `refused_at` is the next registry offset when it came back; None = nothing is held for it.

    `left_held` are lines in an open dispute or hold: it pays nothing of them.
    """

    id: str
    batch: str
    party: str
    currency: str
    amount_minor: int
    rail: str
    ref: str
    left_held: frozenset[AuditedLine]
    state: str = "instructed"
    refused_at: int | None = None


@dataclass(slots=True)
class AuditedBatch:
    """A batch; `number` is of its decision, `seqs` where the writers stood at its point."""

    id: str
    by: str
    number: int
    plan_sha256: str
    seqs: Sequence[int]
    state: str = "proposed"
    is_exported: bool = False
    payouts: list[AuditedPayout] = field(default_factory=list)

    def open_payouts(self) -> list[AuditedPayout]:
        """Those that were neither cancelled nor replied to."""
        return [one for one in self.payouts if one.state == "instructed"]


class PayoutBook:
    """All batches and payouts.

    Args:
        report: differences go there.

    Attributes:
        batches: by id, in the order of their proposals.
    """

    def __init__(self, report: AuditReport) -> None:
        self._report = report
        self.batches: dict[str, AuditedBatch] = {}
        self._payouts: dict[str, AuditedPayout] = {}
        self._of_party: dict[PartyMoney, list[AuditedPayout]] = {}
        self._rows_of_file: Counter[str] = Counter()

    def last_payout(self, party: PartyMoney) -> int:
        """The number of the proposal of a party's last payout; one that was cancelled is none."""
        last = self._last(party)
        return 0 if last is None else self.batches[last.batch].number

    def left_held(self, party: PartyMoney) -> frozenset[AuditedLine]:
        """The lines that a party's last payout left held."""
        last = self._last(party)
        return frozenset() if last is None else last.left_held

    def _last(self, party: PartyMoney) -> AuditedPayout | None:
        standing = (one for one in reversed(self._of_party.get(party, ())) if one.state != "cancelled")
        return next(standing, None)

    def refused(self, view: RegistryView) -> Counter[PartyMoney]:
        """What came back, was not released, and whose party has not said since where it is paid."""
        found: Counter[PartyMoney] = Counter()
        for one in self._payouts.values():
            if one.refused_at is not None and view.newest_offset("payee.set", one.party) < one.refused_at:
                found[one.party, one.currency] += one.amount_minor
        return found

    def propose(
        self, command: CommandFacts, moment: PayoutMoment, outcomes: Iterable[NetOutcome]
    ) -> Counter[AccountOf]:
        """A proposal; returns the accounts that it moves."""
        seqs = command.point["seqs"] if command.point else ()
        batch = AuditedBatch(command.command_id, command.by, moment.number, "", seqs)
        moved: Counter[AccountOf] = Counter()
        nets, skipped = [], []
        for outcome in outcomes:
            net = outcome.net
            if any(net.amounts):
                nets.append(net)
                moved.update(net.moves())
            if reason := _reason_against(outcome, moment):
                skipped.append((reason, net.currency, outcome.payable_minor or outcome.held_minor))
            elif outcome.payable_minor > 0:
                payee = moment.view.find("payee.set", net.party)
                name = payout_name(batch.id, net.party, net.currency)
                held = frozenset(moment.held_lines.get((net.party, net.currency), ()))
                one = AuditedPayout(
                    name, batch.id, net.party, net.currency, outcome.payable_minor, payee.rail, payee.ref, held
                )
                batch.payouts.append(one)
                moved.update(_moved(one, f"{one.party}:payable", in_transit(one)))
        batch.plan_sha256 = batch_proof(nets, [_proven(one) for one in batch.payouts])
        self._add(batch)
        self._compare_result(command, batch, skipped)
        return moved

    def approve(self, command: CommandFacts) -> None:
        """Four eyes, and a batch that is proposed."""
        batch = self._batch_in(command, "proposed")
        if batch is None:
            return
        if batch.by == command.by:
            self._differ("approval", command, f"another login than {batch.by}", command.by)
        if (said := (command.result or {}).get("plan_sha256")) != batch.plan_sha256:
            self._differ("approval", command, f"the plan {batch.plan_sha256}", said)
        batch.state = "approved"

    def cancel(self, command: CommandFacts) -> dict[str, Counter[AccountOf]]:
        """A batch or one payout of it, before it is exported; returns what moves, by cause."""
        batch = self._batch_in(command, "proposed", "approved")
        if batch is None:
            return {}
        if batch.is_exported:
            self._differ("payout state", command, "a batch that is not exported", f"{batch.id} is exported")
        wanted = command.body["payout"]
        gone = [one for one in batch.open_payouts() if wanted in (None, one.id)]
        if not gone and wanted is not None:
            self._differ("payout state", command, "an open payout of the batch", wanted)
        self._compare_sums(command, gone)
        moved = {}
        for one in gone:
            one.state = "cancelled"
            moved[f"payout {one.id}"] = _moved(one, in_transit(one), f"{one.party}:payable")
        if not batch.open_payouts():
            batch.state = "cancelled"
        return moved

    def export(self, command: CommandFacts) -> None:
        """An approved batch; its files hold all its payouts, or those of the form's rail."""
        batch = self._batch_in(command, "approved")
        if batch is None:
            return
        batch.is_exported = True
        form = command.body["form"]
        due = [one for one in batch.payouts if one.state != "cancelled" and form in (None, *_forms_of(one.rail))]
        wanted = _sums(due)
        found: Counter[str] = Counter()
        files = (command.result or {}).get("files", ())
        for file in files:
            found[file["currency"]] += file["amount_minor"]
        counts = len(due), sum(file["payouts"] for file in files)
        if wanted != found or counts[0] != counts[1]:
            self._differ("payment files", command, _said(counts[0], wanted), _said(counts[1], found))

    def reply(self, command: CommandFacts) -> dict[str, Counter[AccountOf]]:
        """Each row by the state that the rows before it have left; returns what moves, by cause."""
        body, findings = command.body, list[int]()
        moved: dict[str, Counter[AccountOf]] = {}
        first = self._rows_of_file[body["file_sha256"]]
        self._rows_of_file[body["file_sha256"]] += len(body["rows"])
        for number, row in enumerate(body["rows"], first + 1):
            name, outcome, _, _, _, fee = row
            one = self._payouts.get(name)
            if one is None or not _is_booked(one, row):
                findings.append(number)
                continue
            one.state = outcome
            if outcome != "confirmed":
                one.refused_at = command.point["registry"] if command.point else 0
            moved.setdefault(f"payout {one.id}", Counter()).update(_replied(one, outcome, fee))
        result = command.result or {}
        found = result.get("booked"), [row for row, _ in result.get("findings", ())]
        expected = len(body["rows"]) - len(findings), findings
        if expected != found:
            self._differ("reply", command, f"{expected[0]} booked, findings {expected[1]}", f"{found[0]}, {found[1]}")
        return moved

    def release(self, command: CommandFacts) -> None:
        """A payout that came back and is held for."""
        one = self._payouts.get(command.body["payout"])
        if one is None or one.refused_at is None:
            state = None if one is None else one.state
            self._differ("payout state", command, "a refused payout that was not released", state)
        else:
            one.refused_at = None

    def _add(self, batch: AuditedBatch) -> None:
        self.batches[batch.id] = batch
        self._report.checked["payout batches"] += 1
        for one in batch.payouts:
            self._report.checked["payouts"] += 1
            self._payouts[one.id] = one
            self._of_party.setdefault((one.party, one.currency), []).append(one)

    def _batch_in(self, command: CommandFacts, *states: str) -> AuditedBatch | None:
        """The batch of a command, if it is in one of these states."""
        batch = self.batches.get(command.body["batch"])
        if batch is None or batch.state not in states:
            found = None if batch is None else f"{batch.id} is {batch.state}"
            self._differ("payout state", command, f"a batch that is {' or '.join(states)}", found)
            return None
        return batch

    def _compare_result(
        self, command: CommandFacts, batch: AuditedBatch, skipped: Iterable[tuple[str, str, int]]
    ) -> None:
        """Proof, sums, and those who get none."""
        result = command.result or {}
        where = f"payout batch {batch.id} of {len(batch.payouts):,} payouts"
        if (found := result.get("plan_sha256")) != batch.plan_sha256:
            self._report.differ("plan", where, batch.plan_sha256, found)
        self._compare_sums(command, batch.payouts)
        parties: Counter[tuple[str, str]] = Counter()
        amounts: Counter[tuple[str, str]] = Counter()
        for reason, currency, minor in skipped:
            parties[reason, currency] += 1
            amounts[reason, currency] += minor
        expected = [
            {"reason": reason, "currency": of, "parties": count, "amount_minor": amounts[reason, of]}
            for (reason, of), count in sorted(parties.items())
        ]
        if expected != (skips := result.get("skipped")):
            self._report.differ("skipped", where, expected, skips)

    def _compare_sums(self, command: CommandFacts, payouts: Sequence[AuditedPayout]) -> None:
        """How many payouts, and their sums by currency."""
        result = command.result or {}
        wanted = len(payouts), _sums(payouts)
        found = result.get("payouts"), Counter[str](result.get("amounts") or {})
        if wanted != found:
            self._differ("payout sums", command, _said(*wanted), _said(*found))

    def _differ(self, check: str, command: CommandFacts, expected: object, found: object) -> None:
        self._report.differ(check, f"command {command.seq} {command.command_id}", expected, found)


def payout_name(batch: str, party: str, currency: str) -> str:
    """The id of a payout."""
    return b32encode(sha256(f"{batch}|{party}|{currency}".encode()).digest()).decode()[:26]


def in_transit(payout: AuditedPayout) -> str:
    """The account of its money on the way."""
    return f"payout:{payout.rail}:in_transit"


def _reason_against(outcome: NetOutcome, moment: PayoutMoment) -> str | None:
    """Why a party with money gets no payout."""
    net, view = outcome.net, moment.view
    key = net.party, net.currency
    if outcome.payable_minor <= 0:
        if outcome.held_minor <= 0:
            return None
        if net.party in moment.owners_on_hold:
            return "owner_held"
        return "payout_refused" if moment.refused.get(key) else "held"
    if view.find("payee.set", net.party) is None:
        return "no_payee"
    minimum = view.house_at(moment.as_of).payout_minimum_minor.get(net.currency, 0)
    is_small = outcome.payable_minor < minimum and not view.has_left(net.party, moment.as_of)
    return "below_minimum" if is_small else None


def _is_booked(payout: AuditedPayout, row: Sequence[Any]) -> bool:
    """Whether a row of a reply books anything."""
    _, outcome, amount, currency, _, fee = row
    is_of_it = amount in (None, payout.amount_minor) and currency in (None, payout.currency)
    fits = payout.amount_minor + fee <= LIMIT_MINOR and (not fee or outcome == "confirmed")
    return (payout.state, outcome) in NEXT and is_of_it and fits


def _replied(payout: AuditedPayout, outcome: str, fee: int) -> Counter[AccountOf]:
    """What a reply's row moves."""
    if outcome == "confirmed":
        moved = _moved(payout, in_transit(payout), "bank:main")
        if fee:
            moved["platform:payout_fee", payout.currency] += fee
            moved["bank:main", payout.currency] -= fee
        return moved
    return _moved(payout, in_transit(payout) if outcome == "rejected" else "bank:main", f"{payout.party}:held")


def _moved(payout: AuditedPayout, debit: str, credit: str) -> Counter[AccountOf]:
    of = payout.currency
    return Counter({(debit, of): payout.amount_minor, (credit, of): -payout.amount_minor})


def _proven(payout: AuditedPayout) -> tuple[object, ...]:
    """As the proof has it; no tax is kept back, by the only tax table that there is."""
    return payout.id, payout.party, payout.currency, payout.amount_minor, 0, None, payout.rail, payout.ref


def _forms_of(rail: str) -> list[str]:
    return [form for form, of in RAILS.items() if of == rail]


def _sums(payouts: Iterable[AuditedPayout]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for one in payouts:
        sums[one.currency] += one.amount_minor
    return sums


def _said(count: object, sums: Mapping[str, int]) -> str:
    return f"{count} payouts, {dict(sorted(sums.items()))}"
