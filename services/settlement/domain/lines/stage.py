"""The one word for where an order line is between its payment and its settlement; nothing stores it."""

from enum import StrEnum
from typing import NamedTuple

from services.settlement.domain.lines.line import Line
from services.settlement.domain.settling.shares import Shares


class LineStage(StrEnum):
    """Where a line is. The first that holds, in this order."""

    QUARANTINED = "quarantined"
    DISPLACED = "displaced"
    DISPUTED = "disputed"
    FROZEN = "frozen"
    REVERSED = "reversed"
    CLAWED_BACK = "clawed_back"
    ESTIMATED = "estimated"
    CONFIRMED = "confirmed"
    SETTLEABLE = "settleable"
    SETTLED = "settled"
    PAID = "paid"


class StageInput(NamedTuple):
    """What a line's state depends on, besides the line.

    `owed` is T. `is_waiting`: it is worth nothing as yet, for want of a plan or of room in the journal. `is_received`:
    its goods count as received. `settle_at` (microseconds) is when a run may settle it; None = nothing waits.
    `is_disputed`, `is_held`: an open dispute, an open hold of its order, of itself or of a content of it. `is_paid`:
    all that is settled of it for parties is in payouts that are confirmed.
    """

    owed: Shares
    is_waiting: bool
    is_received: bool
    settle_at: int | None
    is_disputed: bool
    is_held: bool
    is_paid: bool = False


def stage_of(line: Line, given: StageInput, now: int) -> LineStage:
    """The state of a line at that moment, microseconds."""
    stopped = _stopped(line, given)
    if stopped is not None:
        return stopped
    if not given.owed and not given.is_waiting:
        return LineStage.CLAWED_BACK if line.settled else LineStage.REVERSED
    if not line.settled:
        return _unsettled(given, now)
    is_taken_back = any(amount > given.owed.get(claimant, 0) for claimant, amount in line.settled.items())
    if is_taken_back:
        return LineStage.CLAWED_BACK
    return LineStage.PAID if given.is_paid else LineStage.SETTLED


def _stopped(line: Line, given: StageInput) -> LineStage | None:
    """Why no run settles it, whatever it is worth; None = nothing stops it."""
    if line.quarantined is not None:
        return LineStage.QUARANTINED
    if not line.standing:
        return LineStage.DISPLACED
    if given.is_disputed:
        return LineStage.DISPUTED
    return LineStage.FROZEN if given.is_held else None


def _unsettled(given: StageInput, now: int) -> LineStage:
    """How near the first settlement is."""
    if given.settle_at is not None and given.settle_at <= now:
        return LineStage.SETTLEABLE
    return LineStage.CONFIRMED if given.is_received else LineStage.ESTIMATED
