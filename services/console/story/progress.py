"""Where a line's money is: the steps from the payment to the bank, who has how much where, and what is in the way."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.console.render import moment
from services.console.story.people import claimant_cell
from services.console.values import CellValue, LinkCell, MomentCell, MoneyCell, WordsCell, path
from services.console.words.labels import PAYOUT_STATES, SKIPPED_LINES
from services.kernel.sentences import Sentence
from services.operations.explain.explain import LineExplanation
from services.operations.explain.settling import ClaimantExplanation, RunExplanation, SettlingExplanation
from services.settlement.books.run_records_port import LinePayout
from services.settlement.domain.lines.stage import LineStage
from services.settlement.domain.paying.payouts import CANCELLED, CONFIRMED, INSTRUCTED

_STOPPED = frozenset({LineStage.QUARANTINED, LineStage.DISPUTED, LineStage.FROZEN})
_WORTHLESS = frozenset({LineStage.REVERSED, LineStage.DISPLACED})


class ProgressStep(NamedTuple):
    """A step to the money.

    Attributes:
        state: done, now (the money is here), next, or stopped; a class of the stylesheet.
        at: when it was or will be reached; None = that is not known.
    """

    name: Sentence
    state: str
    at: MomentCell | None


def progress_steps(one: LineExplanation) -> list[ProgressStep]:
    """The way from the payment to the bank, as far as this line has come. None are left for a line worth nothing."""
    settling, line = one.settling, one.line
    if settling.stage in _WORTHLESS or not (line.booked or line.settled or line.unpriced):
        return []
    clock = settling.clock
    settled_at = next((run.run.as_of for run in reversed(settling.runs) if run.raised is not None), None)
    payouts = [payout for claimant in settling.claimants for payout in claimant.payouts]
    is_settled = bool(line.settled)
    is_due = settling.stage is LineStage.SETTLEABLE
    is_in_payout = any(payout.payout for payout in payouts)
    reached = [
        True,
        is_settled or is_due or settling.stage is LineStage.CONFIRMED or one.told.received_at is not None,
        is_settled or is_due,
        is_settled,
        is_in_payout,
        bool(payouts) and all(payout.status == CONFIRMED for payout in payouts),
    ]
    times = [line.paid_at, clock.received_at, clock.settle_at, settled_at, None, None]
    names = (
        Sentence("Paid by the buyer"), Sentence("Received"), Sentence("Due"), Sentence("Settled by a run"),
        Sentence("In a payout"), Sentence("Paid by our bank"),
    )  # fmt: skip
    here = max(index for index, is_reached in enumerate(reached) if is_reached)
    return [
        ProgressStep(name, _state(index, here, settling.stage), None if at is None else moment(at))
        for index, (name, at) in enumerate(zip(names, times, strict=True))
    ]


def _state(index: int, here: int, stage: LineStage) -> str:
    if index < here:
        return "done"
    if index == here:
        return "now"
    return "stopped" if index == here + 1 and stage in _STOPPED else "next"


def claimant_rows(settling: SettlingExplanation, currency: str) -> list[Sequence[CellValue]]:
    """A row for each who is or was owed something: owed, waiting, settled, owed back, payouts."""
    return [
        (
            claimant_cell(one.claimant),
            MoneyCell(one.owed_minor, currency),
            MoneyCell(one.waiting_minor, currency),
            MoneyCell(one.settled_minor, currency),
            MoneyCell(one.clawed_back_minor, currency),
            _payouts(one),
            _payout_state(one),
        )
        for one in settling.claimants
    ]


def _payouts(one: ClaimantExplanation) -> Sequence[LinkCell]:
    return [LinkCell(paid.payout, path("payout", paid.payout)) for paid in one.payouts if paid.payout is not None]


def _payout_state(one: ClaimantExplanation) -> WordsCell | None:
    """The state of what is settled: that of its payouts, or that it waits for one."""
    if not one.payouts:
        return None
    states = {payout_state(paid) for paid in one.payouts}
    if len(states) > 1:
        return WordsCell(Sentence("several payouts"))
    return states.pop()


def payout_state(paid: LinePayout) -> WordsCell:
    """What became of the payout that takes the money."""
    if paid.payout is None or paid.status is None:
        return WordsCell(Sentence("waits for a payout"), "wait")
    tone = {CONFIRMED: "good", INSTRUCTED: "wait", CANCELLED: ""}.get(paid.status, "bad")
    return WordsCell(PAYOUT_STATES.get(paid.status, paid.status), tone)


def run_rows(one: LineExplanation) -> Iterator[Sequence[CellValue]]:
    """A row for each run that settled the line or left it: run, as of, what it did, how much, why."""
    for run in one.settling.runs:
        link = LinkCell(run.run.id, path("run", run.run.id))
        yield link, moment(run.run.as_of), _done(run), _raised(run, one.told.currency), WordsCell(run.why)


def _done(run: RunExplanation) -> WordsCell:
    if run.reason is not None:
        return WordsCell(SKIPPED_LINES.get(run.reason, run.reason), "wait")
    return WordsCell(Sentence("settled"), "good")


def _raised(run: RunExplanation, currency: str) -> MoneyCell | None:
    return None if run.raised is None else MoneyCell(sum(run.raised.values()), currency)
