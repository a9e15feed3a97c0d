"""Forgetting is garbage collection: it drops only state that no accepted event can ever need again."""

from typing import NamedTuple

from services.attribution.domain.buyer import NEVER, Buyer
from services.attribution.domain.horizons import Horizons, Watermarks
from services.kernel.time import DAY


class Retention(NamedTuple):
    """The times from which on state can still matter, in microseconds since the epoch.

    Attributes:
        orders_from: neither the orders log nor a touch can reach an order that was paid before.
        touches_from: an earlier touch can become no candidate, its id is no longer needed, and its day accepts no
            more touches. It is the start of a day, so that the touches of a day can be counted.
    """

    orders_from: int
    touches_from: int


class ForgottenParts(NamedTuple):
    """The forgotten part of a buyer: offsets of touches and ids of orders."""

    touches: list[int]
    orders: list[str]


def retention_of(marks: Watermarks, horizons: Horizons) -> Retention:
    """The retention that follows from the logs' watermarks."""
    accepted_from = marks.clicks - horizons.touch_lateness
    orders_from = min(marks.orders - horizons.order_memory, accepted_from)
    touches_from = min(marks.orders - horizons.order_lateness - horizons.candidate_window, accepted_from)
    return Retention(orders_from, touches_from // DAY * DAY)


def forget(buyer: Buyer, since: Retention) -> ForgottenParts | None:
    """Drop state that can no longer matter. Returns the dropped parts; None if there are none.

    Whether and when this runs never changes a result. A candidate stays as long as its order. Facts that have waited
    too long leave when their dead letters are sent.
    """
    if buyer.oldest_paid_at >= since.orders_from and buyer.oldest_touch_at >= since.touches_from:
        return None
    kept = {i: order for i, order in buyer.orders.items() if order.payment.paid_at >= since.orders_from}
    needed = {offset for order in kept.values() for offset in order.candidates}
    stale = [o for o, t in buyer.touches.items() if t.occurred_at < since.touches_from and o not in needed]
    forgotten = ForgottenParts(stale, [order_id for order_id in buyer.orders if order_id not in kept])
    buyer.keep(kept, without=stale)
    times = [touch.occurred_at for touch in buyer.touches.values()]
    buyer.oldest_touch_at = min([at for at in times if at >= since.touches_from], default=NEVER)
    return forgotten if any(forgotten) else None
