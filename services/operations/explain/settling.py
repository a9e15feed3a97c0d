"""How far a line is from its money: its clock, what is owed and settled, and which run took it or left it, and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from services.kernel.sentences import Sentence
from services.kernel.time import DAY, format_rfc3339
from services.operations.explain.cases import Cases
from services.operations.explain.left_out import PastRun, left_out
from services.operations.explain.sources import BookedOrder, ExplainableAssertion
from services.settlement.books.run_ports import StoredRun
from services.settlement.books.run_records_port import LineInRun, LinePayout
from services.settlement.domain.book.chart import OURSELVES
from services.settlement.domain.lines.clock import received_at_of, settle_at_of, settled_less, window_days_of
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.stage import LineStage, StageInput, stage_of
from services.settlement.domain.lines.worth import Worth, pricing_reference
from services.settlement.domain.paying.payouts import CONFIRMED
from services.settlement.domain.settling.place import owed_by, owed_of
from services.settlement.domain.settling.plan_hash import PartyPlan
from services.settlement.domain.settling.shares import Shares


class ClockExplanation(NamedTuple):
    """When a run may settle a line (microseconds; None = nothing waits for that), and a sentence why."""

    settle_at: int | None
    received_at: int | None
    window_days: int
    why: str


class ClaimantExplanation(NamedTuple):
    """A claimant's money in a line: owed now, settled by runs, waiting for a run, and claimed back.

    `payouts` cover what is settled; one of None is still to come.
    """

    claimant: str
    owed_minor: int
    settled_minor: int
    payouts: Sequence[LinePayout] = ()

    @property
    def waiting_minor(self) -> int:
        """Owed and not yet settled."""
        return max(0, self.owed_minor - self.settled_minor)

    @property
    def clawed_back_minor(self) -> int:
        """Settled and no longer owed; the platform gives up its fee instead."""
        return max(0, self.settled_minor - self.owed_minor)


class RunExplanation(NamedTuple):
    """A run that settled the line or left it.

    Attributes:
        raised: what it settles, by claimant; None = it left the line out.
        reason: one word why it did; None = it settles it.
        why: a sentence.
        nets: of the line's parties in this run, over all their lines.
    """

    run: StoredRun
    raised: Shares | None
    reason: str | None
    why: str
    nets: Sequence[PartyPlan]


class SettlingExplanation(NamedTuple):
    """A line's settlement; `cases` are the open disputes and holds, and the lost ones, a sentence each."""

    stage: LineStage
    clock: ClockExplanation
    claimants: Sequence[ClaimantExplanation]
    runs: Sequence[RunExplanation]
    cases: Sequence[str]


def explain_settling(line: Line, told: ExplainableAssertion, worth: Worth, booked: BookedOrder) -> SettlingExplanation:
    """The settlement of a line.

    Args:
        line: as the books have it.
        told: its assertion.
        worth: of it now, under its terms.
        booked: the order.
    """
    owed = owed_by(line.booked, line.settled) if line.quarantined is not None else owed_of(worth.target)
    contents = {credit.content_id for credit in told.credits}
    claimants = sorted({*owed, *line.settled})
    cases = Cases(booked.runs.cases, line.key, contents, [one for one in claimants if one != OURSELVES])
    clock = _clock(line, told, worth, booked)
    payouts = booked.runs.payouts.get(line.key, ())
    given = StageInput(
        owed=owed,
        is_waiting=worth.unpriced is not None or worth.set_aside is not None,
        is_received=clock.received_at is not None and clock.received_at <= booked.runs.now,
        settle_at=clock.settle_at,
        is_disputed=bool(cases.disputes),
        is_held=bool(cases.holds),
        is_paid=bool(payouts) and all(one.status == CONFIRMED for one in payouts),
    )
    return SettlingExplanation(
        stage_of(line, given, booked.runs.now),
        clock,
        [
            ClaimantExplanation(
                one, owed.get(one, 0), line.settled.get(one, 0), [paid for paid in payouts if paid.party == one]
            )
            for one in claimants
        ],
        list(_runs(line, told, booked)),
        cases.sentences(),
    )


def _clock(line: Line, told: ExplainableAssertion, worth: Worth, booked: BookedOrder) -> ClockExplanation:
    """When a run may settle the line, by the rule that booked it."""
    houses = pricing_reference(line, booked.reference).houses
    received_at = received_at_of(told, worth)
    days = window_days_of(told, worth, houses) if any(term.plan for term in worth.terms) else 0
    settle_at = None if line.quarantined is not None else settle_at_of(told, worth, houses, line.settled)
    why = _why(line, told, worth, received_at)
    if settle_at is not None:
        since = Sentence("received") if told.received_at is not None else _by_days(told, received_at)
        why = Sentence(
            "settleable from {day}: {since} + {days} d", day=format_rfc3339(settle_at), since=since, days=days
        )
    return ClockExplanation(settle_at, received_at, days, why)


def _by_days(told: ExplainableAssertion, received_at: int | None) -> str:
    """How goods that no shop reports as received count as received."""
    days = ((received_at or told.paid_at) - told.paid_at) // DAY
    return Sentence("paid + {days} d, by when the plan takes goods as received,", days=days)


def _why(line: Line, told: ExplainableAssertion, worth: Worth, received_at: int | None) -> str:
    """Why nothing of a line waits for a day."""
    if line.quarantined is not None:
        return Sentence("not settleable: it is quarantined")
    if worth.unpriced is not None:
        return Sentence("not settleable yet: it waits for a plan")
    if not worth.target:
        return Sentence("nothing is owed, so nothing waits to be settled")
    if received_at is None:
        return Sentence(
            "not settleable yet: its goods are not received (status {status})", status=Sentence(told.status)
        )
    if not settled_less(line.settled, owed_of(worth.target)):
        return Sentence("all that is owed is settled")
    return Sentence("not settleable")


def _runs(line: Line, told: ExplainableAssertion, booked: BookedOrder) -> Iterator[RunExplanation]:
    """Each run that settled the line, and each that looked at it and left it."""
    planned: Mapping[str, LineInRun] = {one.run: one for one in booked.runs.planned.get(line.key, ())}
    before: LineInRun | None = None
    for run, point in booked.runs.runs:
        nets = [plan for plan in booked.runs.nets.get(run.id, ()) if plan.party in line.settled and any(plan.net)]
        nets = [plan for plan in nets if plan.currency == line.currency]
        if (plan := planned.get(run.id)) is not None:
            yield _settled(run, before, plan, nets)
            before = plan
        else:
            found = left_out(line, told, PastRun(run, point, before), booked.runs, booked.reference)
            if found is not None:
                yield RunExplanation(run, None, found.reason, found.why, [])


def _settled(run: StoredRun, before: LineInRun | None, plan: LineInRun, nets: Sequence[PartyPlan]) -> RunExplanation:
    """A run that settled the line."""
    earlier = {} if before is None else before.plan.settled
    raised = {one: amount - earlier.get(one, 0) for one, amount in plan.plan.settled.items()}
    why = Sentence("once more")
    if before is None:
        offset = run.terms.registry_offset
        why = Sentence("priced as of registry offset {offset} from then on", offset=offset)
    if not plan.is_applied:
        why = Sentence("planned, and not booked yet: the next run finishes it")
    return RunExplanation(run, {one: amount for one, amount in raised.items() if amount}, None, why, nets)
