"""What only shows when events are seen together: ids used twice, events that fit no order, refunds and relations.

The order of the events in the sample means nothing, as it means nothing to the service; only of two that contradict
each other the first one stands, as the lower offset does there.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.clicks import Click
from schemas.findings import Concern, Finding
from schemas.orders import OrderEvent, OrderPaid, OrderRefunded, OrderRefundReversed
from schemas.plans import RelationSet
from schemas.reasons import Reason
from schemas.refunds import check_refunds
from schemas.relations import Relations


class _Seen(NamedTuple):
    """An event and where it stood first."""

    where: str
    event: Any


class Together:
    """Events of a sample, compared with each other; held in memory."""

    def __init__(self) -> None:
        self.repeated = 0
        """Copies of an event that was seen before: allowed, and without effect."""
        self._by_id: dict[tuple[str, ...], _Seen] = {}
        self._owner_of_id: dict[tuple[str, str], tuple[str, ...]] = {}
        self._paid: dict[tuple[str, str], _Seen] = {}
        self._buyer_of: dict[str, str] = {}
        self._later: list[_Seen] = []
        self._relations = Relations()

    def add(self, where: str, topic: str, event: Any) -> Iterator[Finding]:
        """What is wrong with a valid event beside those that were added before it."""
        if isinstance(event, RelationSet):
            self._relations.add(where, event)
        if not isinstance(event, Click | OrderEvent):
            return
        owner = _owner(event)
        before = self._by_id.setdefault((topic, *owner, event.event_id), _Seen(where, event))
        if before.event is not event:
            if before.event == event:
                self.repeated += 1
            else:
                yield _conflict(where, "event_id", f"event {event.event_id}, with other content, stands", before)
            return
        if self._owner_of_id.setdefault((topic, event.event_id), owner) != owner:
            wanted = f"event_id {event.event_id} was used by another buyer or order before: make it unique"
            yield Finding(where, Concern.REUSED_EVENT_ID, "event_id", wanted, warning=True)
        if isinstance(event, OrderPaid):
            yield from self._add_payment(where, event)
        elif isinstance(event, OrderEvent):
            self._later.append(_Seen(where, event))

    def _add_payment(self, where: str, paid: OrderPaid) -> Iterator[Finding]:
        before = self._paid.setdefault((paid.buyer_id, paid.order_id), _Seen(where, paid))
        if before.event is not paid:
            yield _conflict(where, "order_id", f"the order.paid of order {paid.order_id} stands", before)
        elif self._buyer_of.setdefault(paid.order_id, paid.buyer_id) != paid.buyer_id:
            wanted = f"order {paid.order_id} was paid by another buyer before: only the one paid first will count"
            yield Finding(where, Concern.REUSED_ORDER_ID, "order_id", wanted, warning=True)

    def end(self) -> Iterator[Finding]:
        """What is wrong with events of orders, once all payments are known, and with relations."""
        for where, event in self._later:
            paid = self._paid.get((event.buyer_id, event.order_id))
            if paid is None:
                wanted = f"order {event.order_id} has no order.paid of this buyer here; without one it will be refused"
                yield Finding(where, Reason.UNKNOWN_ORDER, "order_id", wanted, warning=True)
                continue
            lines = {line.line_id: line.goods_paid_minor for line in paid.event.lines}
            unknown = [(field, line_id) for field, line_id in _lines_named(event) if line_id not in lines]
            for field, line_id in unknown[:1]:
                wanted = f"{field}: order {event.order_id} has no line {line_id} (its order.paid: {paid.where})"
                yield Finding(where, Reason.UNKNOWN_LINE, field, wanted)
        yield from self._check_refunds()
        yield from self._relations.end()

    def _check_refunds(self) -> Iterator[Finding]:
        refunds = [(where, event) for where, event in self._later if isinstance(event, OrderRefunded)]
        reversals = [event for _, event in self._later if isinstance(event, OrderRefundReversed)]
        paid = {
            (*order, line.line_id): line.goods_paid_minor
            for order, seen in self._paid.items()
            for line in seen.event.lines
        }
        yield from check_refunds(refunds, reversals, paid)


def _owner(event: Click | OrderEvent) -> tuple[str, ...]:
    """Within what an event_id names one event: a buyer's touches, or an order of a buyer."""
    return (event.buyer_id,) if isinstance(event, Click) else (event.buyer_id, event.order_id)


def _conflict(where: str, field: str, what: str, before: _Seen) -> Finding:
    return Finding(where, Reason.ID_CONFLICT, field, f"{field}: {what} at {before.where}; this one will be refused")


def _lines_named(event: Any) -> list[tuple[str, str]]:
    """Field and id of every line that an event names."""
    if isinstance(event, OrderRefunded):
        return [(f"lines.{number}.line_id", line.line_id) for number, line in enumerate(event.lines)]
    if isinstance(event, OrderRefundReversed):
        return [("line_id", event.line_id)]
    return [(f"line_ids.{number}", line_id) for number, line_id in enumerate(getattr(event, "line_ids", None) or ())]
