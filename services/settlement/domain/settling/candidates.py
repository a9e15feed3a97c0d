"""A line that a run may settle, and the one reason word why it may not."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.worth import Worth
from services.settlement.domain.settling.facts import Dispute, Hold

NOT_STANDING = "not_standing"
BELOW_JOIN = "below_join"
UNPRICED = "unpriced"
SET_ASIDE = "set_aside"
QUARANTINED = "quarantined"
NOT_DUE = "not_due"
DISPUTED = "disputed"
ORDER_HELD = "order_held"
LINE_HELD = "line_held"
CONTENT_HELD = "content_held"

BLOCKING_REASONS = (
    NOT_STANDING, BELOW_JOIN, UNPRICED, SET_ASIDE, QUARANTINED, NOT_DUE, DISPUTED, ORDER_HELD, LINE_HELD, CONTENT_HELD,
)  # fmt: skip
"""All of them, in the order in which they are asked."""
MEANING = {
    NOT_STANDING: "the order line belonged to another buyer",
    BELOW_JOIN: "it was incomplete: an assertion was still to come",
    UNPRICED: "no plan priced it",
    SET_ASIDE: "it was over a limit of the journal",
    QUARANTINED: "it is quarantined",
    NOT_DUE: "its day had not come: it was not received, or within its return window",
    DISPUTED: "a dispute of it was open",
    ORDER_HELD: "a hold on its order was open",
    LINE_HELD: "a hold on it was open",
    CONTENT_HELD: "a hold on a content that it credits was open",
}


class Candidate(NamedTuple):
    """A line at a run's point.

    `assertion` is the accepted one. `worth` and `settle_at` (microseconds, None = nothing waits) are by the registry as
    of the point or by the line's frozen terms, with the grants and the bonus that the line has; what is stored with the
    line may be older.
    """

    line: Line
    assertion: LineAssertion
    worth: Worth
    settle_at: int | None


@dataclass(frozen=True, slots=True)
class OpenCases:
    """Disputes and holds that are open at a run's point. An order without a line stands for all its lines.

    Holds on an owner are not among them: they keep the owner's money back and stop no line.
    """

    disputes: AbstractSet[tuple[str, str | None]] = field(default_factory=frozenset)
    holds: AbstractSet[tuple[str, str | None]] = field(default_factory=frozenset)
    content_holds: AbstractSet[str] = field(default_factory=frozenset)


def cases_of(disputes: Iterable[Dispute], holds: Iterable[Hold]) -> OpenCases:
    """Open disputes and holds, by what they are about."""
    every = list(holds)
    return OpenCases(
        frozenset((dispute.order_id, dispute.line_id) for dispute in disputes),
        frozenset((hold.order_id, hold.line_id) for hold in every if hold.order_id is not None),
        frozenset(hold.content_id for hold in every if hold.content_id is not None),
    )


def blocking_reason(candidate: Candidate, as_of: int, cases: OpenCases) -> str | None:
    """The first reason that holds, or None for a line that a run as of that moment (microseconds) settles.

    Whether anything of it is still to be settled is another question.
    """
    return _state_reason(candidate, as_of) or _case_reason(candidate, cases)


def _state_reason(candidate: Candidate, as_of: int) -> str | None:
    """What the line's own state has against it."""
    line, worth, settle_at = candidate.line, candidate.worth, candidate.settle_at
    if not line.standing:
        return NOT_STANDING
    if line.below_join:
        return BELOW_JOIN
    if worth.unpriced is not None:
        return UNPRICED
    if worth.set_aside is not None:
        return SET_ASIDE
    if line.quarantined is not None:
        return QUARANTINED
    return NOT_DUE if settle_at is None or settle_at > as_of else None


def _case_reason(candidate: Candidate, cases: OpenCases) -> str | None:
    """What an open dispute or hold has against it."""
    order_id, line_id, _ = candidate.line.key
    if reason := named_case(cases, order_id, line_id):
        return reason
    if cases.content_holds and any(one.content_id in cases.content_holds for one in candidate.assertion.credits):
        return CONTENT_HELD
    return None


def named_case(cases: OpenCases, order_id: str, line_id: str) -> str | None:
    """The reason of an open dispute or hold that names an order or its line; holds on contents name neither."""
    if (order_id, None) in cases.disputes or (order_id, line_id) in cases.disputes:
        return DISPUTED
    if (order_id, None) in cases.holds:
        return ORDER_HELD
    return LINE_HELD if (order_id, line_id) in cases.holds else None
