"""Which refunds of a line count, and why the others have no effect: the fold of attribution, told event by event."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.orders import OrderEvent, OrderRefunded, OrderRefundReversed
from services.kernel.sentences import Sentence
from services.kernel.time import format_rfc3339, to_micros
from services.operations.explain.sources import ExplainableAssertion, OrderLogRecord
from services.settlement.domain.book.currencies import decimal_text

COUNTS = Sentence("it counts")
ON_ITS_WAY = Sentence("no effect yet: it is on its way to the books, `koc drain` waits for it")


class LineRefund(NamedTuple):
    """What an order.refunded says of one line; `occurred_at` is microseconds."""

    occurred_at: int
    event_id: str
    refund_id: str
    refund_minor: int


class RefundExplanation(NamedTuple):
    """A refund, how much of it is in the line's refunded amount, and a sentence why."""

    refund: LineRefund
    counted_minor: int
    why: str


def explain_refunds(told: ExplainableAssertion, records: Sequence[OrderLogRecord]) -> list[RefundExplanation]:
    """All refunds of a line in fold order (by time, then event_id); those on their way to the books come last.

    Args:
        told: the line as the books know it.
        records: the order's, by position.
    """
    mine = {one.event_id: one for one in reversed(records) if one.counts and one.buyer_id == told.buyer_id}
    known = [one.event for one in mine.values() if one.position.offset < told.version.order]
    unread = [one.event for one in mine.values() if one.position.offset >= told.version.order]
    return [
        *_known_refunds(told, known),
        *(RefundExplanation(refund, 0, ON_ITS_WAY) for refund in _refunds(unread, told.line_id)),
    ]


def _known_refunds(told: ExplainableAssertion, events: Sequence[OrderEvent]) -> Iterator[RefundExplanation]:
    """What became of each refund that the books know; together never more than was paid for the goods."""
    reversals = {
        event.refund_id: event
        for event in events
        if isinstance(event, OrderRefundReversed) and event.line_id == told.line_id
    }
    first: dict[str, LineRefund] = {}
    left = told.goods_paid_minor
    for refund in _refunds(events, told.line_id):
        counted = 0
        earlier = first.setdefault(refund.refund_id, refund)
        if earlier is not refund:
            why = _first_counts(earlier, told.currency)
        elif (reversal := reversals.get(refund.refund_id)) is not None:
            at = format_rfc3339(to_micros(reversal.occurred_at))
            why = Sentence("no effect: {event_id} of {at} reversed it", event_id=reversal.event_id, at=at)
        else:
            counted = min(refund.refund_minor, left)
            left -= counted
            why = COUNTS if counted == refund.refund_minor else _capped(counted, told.currency)
        yield RefundExplanation(refund, counted, why)


def _refunds(events: Sequence[OrderEvent], line_id: str) -> list[LineRefund]:
    """Every refund that names the line, in fold order."""
    return sorted(
        LineRefund(to_micros(event.occurred_at), event.event_id, event.refund_id, line.refund_minor)
        for event in events
        if isinstance(event, OrderRefunded)
        for line in event.lines
        if line.line_id == line_id
    )


def _first_counts(earlier: LineRefund, currency: str) -> str:
    """Why a second event of one refund_id has no effect, and the way out."""
    return Sentence(
        "no effect: refund {refund_id} counts once for a line, and {event_id} of {at} over {money} comes first; "
        "to correct an amount, reverse the refund and publish it under a new refund_id",
        refund_id=earlier.refund_id,
        event_id=earlier.event_id,
        at=format_rfc3339(earlier.occurred_at),
        money=f"{decimal_text(earlier.refund_minor, currency)} {currency}",
    )


def _capped(counted_minor: int, currency: str) -> str:
    """Why a refund counts in part or not at all."""
    if not counted_minor:
        return Sentence("no effect: no more than was paid for the goods can be refunded")
    counted = f"{decimal_text(counted_minor, currency)} {currency}"
    return Sentence("only {money} of it counts: no more than was paid for the goods can be refunded", money=counted)
