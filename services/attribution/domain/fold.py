"""The state of an order line: a fold over the set of its order's events, whatever order they arrived in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from services.attribution.domain.buyer import Order
from services.attribution.domain.facts import CANCELLED, COMPLETED, RECEIVED, REFUND_REVERSED, REFUNDED, Fact, PaidLine

MAX_STEPS = 50


class LineStep(NamedTuple):
    """The worth of a line from a moment on: refunded so far (minor units, at most the paid amount), or cancelled.

    `at` is never before the payment, for money cannot go back before it came.
    """

    event_id: str
    at: int
    refunded_minor: int
    cancelled: bool


class LineState(NamedTuple):
    """The state of one line."""

    status: str
    received_at: int | None
    completed_at: int | None
    refunded_minor: int
    steps: tuple[LineStep, ...]


@dataclass(slots=True)
class _Folding:
    """A line while its events are folded."""

    paid_minor: int
    received_at: int | None = None
    completed_at: int | None = None
    cancelled: bool = False
    refunds: dict[str, int] = field(default_factory=dict)
    reversed_ids: set[str] = field(default_factory=set)

    def take(self, fact: Fact, line_id: str) -> None:
        """Take in one event that names this line."""
        if fact.kind == CANCELLED:
            self.cancelled = True
        elif fact.kind == REFUNDED:
            self._refund(fact, line_id)
        elif fact.kind == REFUND_REVERSED:
            self.reversed_ids.add(fact.refund_id)
        else:
            if fact.kind == COMPLETED and self.completed_at is None:
                self.completed_at = fact.occurred_at
            if self.received_at is None:
                self.received_at = fact.occurred_at

    def _refund(self, fact: Fact, line_id: str) -> None:
        """One refund_id counts once for a line: the first in fold order."""
        for named, refund_minor, _ in fact.refunds:
            if named == line_id:
                self.refunds.setdefault(fact.refund_id, refund_minor)

    def refunded_minor(self) -> int:
        """The sum of all refunds that were not reversed, at most the paid amount; a reversal is final."""
        standing = sum(minor for refund_id, minor in self.refunds.items() if refund_id not in self.reversed_ids)
        return min(standing, self.paid_minor)

    def status(self) -> str:
        """The strongest status that applies."""
        if self.cancelled:
            return "cancelled"
        if self.completed_at is not None:
            return "completed"
        return "paid" if self.received_at is None else "received"


def in_fold_order(facts: Iterable[Fact]) -> list[Fact]:
    """Events by (occurred_at, kind, event_id): the same order for every history."""
    return sorted(facts, key=lambda fact: (fact.occurred_at, fact.kind, fact.event_id))


def fold_line(order: Order, line: PaidLine, facts: list[Fact]) -> LineState:
    """The state of a line; `facts` are the order's, in fold order."""
    paid_at = order.payment.paid_at
    steps = [LineStep(order.payment.event_id, paid_at, 0, False)]  # noqa: FBT003 - a named field
    if not facts:
        return LineState("paid", None, None, 0, tuple(steps))
    folding = _Folding(line.goods_paid_minor)
    for fact in facts:
        if _names(fact, line.line_id):
            folding.take(fact, line.line_id)
            _step(steps, folding, fact.event_id, max(fact.occurred_at, paid_at))
    return LineState(
        folding.status(), folding.received_at, folding.completed_at, folding.refunded_minor(), tuple(steps)
    )


def _names(fact: Fact, line_id: str) -> bool:
    """Whether an event is about this line."""
    if fact.kind in (RECEIVED, CANCELLED, REFUND_REVERSED):
        return fact.line_ids is None or line_id in fact.line_ids
    return fact.kind == COMPLETED or any(named == line_id for named, _, _ in fact.refunds)


def _step(steps: list[LineStep], folding: _Folding, event_id: str, at: int) -> None:
    """Add a step if the line's worth has changed; the last of MAX_STEPS steps absorbs all later changes."""
    refunded, cancelled = folding.refunded_minor(), folding.cancelled
    last = steps[-1]
    if (refunded, cancelled) == (last.refunded_minor, last.cancelled):
        return
    if len(steps) == MAX_STEPS:
        steps[-1] = last._replace(refunded_minor=refunded, cancelled=cancelled)
    else:
        steps.append(LineStep(event_id, at, refunded, cancelled))
