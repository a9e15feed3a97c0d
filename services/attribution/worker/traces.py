"""The traces of a chunk: which record's trace goes on in which credit, and which touches a credited order links to."""

from collections import OrderedDict
from collections.abc import Iterable

from services.attribution.apply.records import OrderRecord, TouchRecord
from services.attribution.domain.assertion import Assertion
from services.attribution.events.encode_credits import OutRecord
from services.runtime.tracing import Span, SpanContext, carrier_from, headers_of

REMEMBERED_TOUCHES = 10_000
"""Touches with a trace that a worker remembers: a span of an order links to the touches that it is credited to."""


class TouchTraces:
    """Where the spans of recent touches are, by event id. A restart forgets them: a trace is a help and no proof."""

    def __init__(self) -> None:
        self._contexts: OrderedDict[str, SpanContext] = OrderedDict()

    def remember(self, event_id: str, span: Span) -> None:
        """Remember a touch's span; the oldest makes room."""
        self._contexts[event_id] = span.get_span_context()
        if len(self._contexts) > REMEMBERED_TOUCHES:
            self._contexts.popitem(last=False)

    def context(self, event_id: str | None) -> SpanContext | None:
        """The span of a touch, if it is remembered."""
        return self._contexts.get(event_id or "")


class ChunkTraces:
    """The spans of a chunk's records, led to the credits that follow from them.

    Args:
        spans: by the record's offset.
        touches: of this worker.
    """

    def __init__(self, spans: dict[int, Span], touches: TouchTraces) -> None:
        self._spans, self._touches = spans, touches
        self._of_buyers: dict[str, Span] = {}
        self._of_orders: dict[tuple[str, str], Span] = {}

    def take_touches(self, records: Iterable[TouchRecord]) -> None:
        """Learn whose touches the spans are about: a touch may change any order of its buyer."""
        for source, buyer_id, touch in records if self._spans else ():
            if span := self._spans.get(source.offset):
                self._of_buyers[buyer_id] = span
                self._touches.remember(touch.event_id, span)

    def take_orders(self, records: Iterable[OrderRecord]) -> None:
        """Learn which orders the spans are about."""
        for source, buyer_id, order_id, _ in records if self._spans else ():
            if span := self._spans.get(source.offset):
                self._of_orders[buyer_id, order_id] = span

    def carry_on(self, assertion: Assertion, record: OutRecord) -> OutRecord:
        """The record of an assertion, with the trace of the event that led to it, if that had one."""
        if not self._spans:
            return record
        buyer_id = assertion.buyer_id
        span = self._of_orders.get((buyer_id, assertion.payment.order_id)) or self._of_buyers.get(buyer_id)
        if span is None:
            return record
        for credit in assertion.judgement.credits:
            if (touch := self._touches.context(credit.touch_id)) and touch != span.get_span_context():
                span.add_link(touch)
        return record._replace(headers=[*record.headers, *headers_of(carrier_from(span))])
