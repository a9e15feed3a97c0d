"""Acceptance of events: a function of each log's own prefix, and of nothing else.

Each test compares stored times and never asks whether something is still stored, so that forgetting changes no result.
`clicks_at` and `orders_at` are the watermarks of the two logs before the event; `appended_at` is the broker's time.
"""

from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Fact, Payment, Touch
from services.attribution.domain.horizons import (
    FACTS_PER_ORDER,
    FUTURE,
    ORDERS_PER_BUYER,
    TOUCHES_PER_DAY,
    WAITING_PER_BUYER,
    WAITING_PER_PARTITION,
    Horizons,
)
from services.kernel.errors import Refused
from services.kernel.time import DAY, SECOND, format_to_second


def accept_touch(
    buyer: Buyer, touch: Touch, offset: int, appended_at: int, clicks_at: int, horizons: Horizons
) -> list[Order] | None:
    """Add a touch. Returns the orders that have it as a new candidate; None for a duplicate.

    Raises:
        Refused: id_conflict, in_future, too_late or too_many.
    """
    occurred_at, earliest = touch.occurred_at, clicks_at - horizons.touch_lateness
    before = buyer.offsets.get(touch.event_id)
    if before is not None and (known := buyer.touches[before]).occurred_at >= earliest:
        _check_same_event(touch == known, touch.event_id, before)
        return None
    if occurred_at > appended_at + FUTURE:
        raise _in_future(occurred_at, appended_at)
    if occurred_at < earliest:
        raise _too_late(occurred_at, earliest)
    if len(buyer.touches) >= TOUCHES_PER_DAY and buyer.touches_on(occurred_at // DAY) >= TOUCHES_PER_DAY:
        raise Refused("too_many", f"the buyer has {TOUCHES_PER_DAY} touches on that day")
    buyer.add_touch(offset, touch)
    if occurred_at > buyer.latest_paid_at:
        return []
    return _add_candidate(buyer, touch, offset, horizons.candidate_window, seen_before=before is not None)


def _add_candidate(buyer: Buyer, touch: Touch, offset: int, window: int, *, seen_before: bool) -> list[Order]:
    """Make the touch a candidate of each order whose window it lies in; a repeated id counts once for an order."""
    since = touch.occurred_at
    until = since + window
    touched = []
    for order in buyer.orders.values():
        if since <= order.payment.paid_at <= until:
            if not (seen_before and any(buyer.touches[o].event_id == touch.event_id for o in order.candidates)):
                order.candidates.append(offset)
            touched.append(order)
    return touched


def known_order(buyer: Buyer, order_id: str, orders_at: int, horizons: Horizons) -> Order | None:
    """The order, if the orders log still knows it; an older order is kept only for touches that may still come."""
    order = buyer.orders.get(order_id)
    alive = order is not None and order.payment.paid_at >= orders_at - horizons.order_memory
    return order if alive else None


def waiting_facts(buyer: Buyer, order_id: str, orders_at: int, horizons: Horizons) -> list[tuple[int, Fact]]:
    """The events of an unknown order that may still wait for it, as (offset, fact)."""
    if not buyer.waiting:
        return []
    earliest = orders_at - horizons.order_lateness
    return [entry for entry in buyer.waiting.get(order_id, ()) if entry[1].occurred_at >= earliest]


def accept_payment(
    buyer: Buyer, payment: Payment, offset: int, appended_at: int, orders_at: int, horizons: Horizons
) -> Order | None:
    """Make an order known, with its candidates but without the events that waited for it; None for a duplicate.

    Raises:
        Refused: id_conflict, in_future, too_late or too_many.
    """
    # An order is paid once, and an event id counts once.
    order = known_order(buyer, payment.order_id, orders_at, horizons)
    if order is not None:
        if payment.event_id != order.payment.event_id:
            raise _conflict(f"order {payment.order_id} was paid before by event {order.payment.event_id}")
        _check_same_event(payment == order.payment, payment.event_id)
        return None
    for waiting_at, fact in waiting_facts(buyer, payment.order_id, orders_at, horizons):
        if fact.event_id == payment.event_id:
            raise _conflict(f"event {payment.event_id} came before as {fact.kind}", waiting_at)
    # A new payment is within the limits of time and number.
    _check_not_in_future(payment.paid_at, appended_at)
    earliest = orders_at - horizons.order_lateness
    if payment.paid_at < earliest:
        raise _too_late(payment.paid_at, earliest)
    if len(buyer.orders) >= ORDERS_PER_BUYER and _count_known_orders(buyer, orders_at, horizons) >= ORDERS_PER_BUYER:
        raise Refused("too_many", f"the buyer has {ORDERS_PER_BUYER} orders that accept events")
    order = Order(payment, {}, offset + 1, _candidates(buyer, payment.paid_at, horizons.candidate_window))
    buyer.add_order(order)
    return order


def _count_known_orders(buyer: Buyer, orders_at: int, horizons: Horizons) -> int:
    """The number of a buyer's orders that the orders log still knows."""
    return sum(known_order(buyer, order_id, orders_at, horizons) is not None for order_id in buyer.orders)


def _candidates(buyer: Buyer, paid_at: int, window: int) -> list[int]:
    """Offsets of the touches in [paid_at - window, paid_at], ascending; the first one of each touch id."""
    since = paid_at - window
    offsets = [offset for offset, touch in buyer.touches.items() if since <= touch.occurred_at <= paid_at]
    if len(buyer.offsets) == len(buyer.touches):
        return offsets
    first: dict[str, int] = {}
    for offset in offsets:
        first.setdefault(buyer.touches[offset].event_id, offset)
    return list(first.values())


def accept_fact(
    buyer: Buyer,
    order_id: str,
    fact: Fact,
    offset: int,
    appended_at: int,
    orders_at: int,
    horizons: Horizons,
    *,
    has_room: bool,
) -> Order | bool:
    """Add an event to its order. Returns the order; True if the event waits for its order; False for a duplicate.

    Args:
        has_room: whether one more event of the partition may wait.

    Raises:
        Refused: id_conflict, in_future, too_late, too_many or unknown_line.
    """
    # An order that is not known yet may still be paid: its events wait.
    order = known_order(buyer, order_id, orders_at, horizons)
    if order is None:
        if _is_new_to_wait(buyer, order_id, fact, appended_at, orders_at, horizons):
            _check_room_to_wait(buyer, orders_at, horizons, has_room=has_room)
            buyer.waiting.setdefault(order_id, []).append((offset, fact))
            return True
        return False
    # An event id counts once, and only with the same content.
    if fact.event_id == order.payment.event_id:
        raise _conflict(f"event {fact.event_id} came before as the order.paid of order {order_id}")
    if (known := order.facts.get(fact.event_id)) is not None:
        _check_same_event(known == fact, fact.event_id)
        return False
    # A new event of a known order may be as late as the order is remembered, but not early.
    _check_not_in_future(fact.occurred_at, appended_at)
    add_fact(order, fact, offset)
    return order


def add_fact(order: Order, fact: Fact, offset: int) -> None:
    """Add a fact to its order.

    Raises:
        Refused: unknown_line or too_many.
    """
    if named := fact.lines_named():
        lines = {line.line_id for line in order.payment.lines}
        if unknown := [line_id for line_id in named if line_id not in lines]:
            raise Refused("unknown_line", f"order {order.payment.order_id} has no line {unknown[0]}")
    _check_not_too_many(len(order.facts))
    order.facts[fact.event_id] = fact
    order.next_offset = max(order.next_offset, offset + 1)


def _is_new_to_wait(
    buyer: Buyer, order_id: str, fact: Fact, appended_at: int, orders_at: int, horizons: Horizons
) -> bool:
    """Whether a fact may wait until its order is paid; False for a duplicate."""
    for waiting_at, known in waiting_facts(buyer, order_id, orders_at, horizons):
        if known.event_id == fact.event_id:
            _check_same_event(known == fact, fact.event_id, waiting_at)
            return False
    _check_not_in_future(fact.occurred_at, appended_at)
    earliest = orders_at - horizons.order_lateness
    if fact.occurred_at < earliest:
        raise _too_late(fact.occurred_at, earliest)
    return True


def _check_room_to_wait(buyer: Buyer, orders_at: int, horizons: Horizons, *, has_room: bool) -> None:
    """Refuse events whose payments do not come before they fill the state."""
    if not has_room:
        raise Refused("too_many", f"{WAITING_PER_PARTITION} events of the partition wait for their orders")
    if sum(len(waiting_facts(buyer, i, orders_at, horizons)) for i in buyer.waiting) >= WAITING_PER_BUYER:
        raise Refused("too_many", f"{WAITING_PER_BUYER} events of the buyer wait for their orders")


def _check_same_event(same: bool, event_id: str, offset: int | None = None) -> None:  # noqa: FBT001 - a comparison's outcome
    """Let a duplicate pass, and refuse other content under the same id.

    Args:
        offset: of the first event of this id in the same partition, if it is known.
    """
    if not same:
        raise _conflict(f"event {event_id} came before with other content", offset)


def _conflict(what: str, offset: int | None = None) -> Refused:
    """The refusal; a negative offset belongs to an earlier generation of the log and is not named."""
    where = "" if offset is None or offset < 0 else f" at offset {offset}"
    return Refused("id_conflict", f"{what}; the earlier event{where} stands")


def _too_late(occurred_at: int, earliest: int) -> Refused:
    """The refusal; times are rounded so that an event of the named second is accepted."""
    since = format_to_second(earliest + SECOND - 1)
    return Refused("too_late", f"occurred at {format_to_second(occurred_at)}, accepted from {since} on")


def _check_not_in_future(occurred_at: int, appended_at: int) -> None:
    if occurred_at > appended_at + FUTURE:
        raise _in_future(occurred_at, appended_at)


def _in_future(occurred_at: int, appended_at: int) -> Refused:
    occurred, received = format_to_second(occurred_at), format_to_second(appended_at)
    return Refused("in_future", f"occurred at {occurred}, received at {received}")


def _check_not_too_many(count: int) -> None:
    if count >= FACTS_PER_ORDER:
        raise Refused("too_many", f"the order has {FACTS_PER_ORDER} events")
