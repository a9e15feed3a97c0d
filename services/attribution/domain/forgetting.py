"""Forgetting is garbage collection: only what no accepted event can ever ask for again may go."""

from typing import NamedTuple

from services.attribution.domain.buyer import NEVER, Buyer
from services.attribution.domain.horizons import Horizons, Watermarks
from services.kernel.time import DAY


class Retention(NamedTuple):
    """From when on things can still matter, in microseconds since the epoch.

    Attributes:
        orders_from: an order paid before can be reached by neither its own log nor a touch.
        touches_from: a touch before can become no order's candidate, its id need not be remembered, and its day
            accepts no more touches; the start of a day, so that the touches of a day can be counted.
    """

    orders_from: int
    touches_from: int


class ForgottenParts(NamedTuple):
    """What was forgotten of a buyer: the offsets of touches, the ids of orders."""

    touches: list[int]
    orders: list[str]


def retention_of(marks: Watermarks, horizons: Horizons) -> Retention:
    """What the logs' watermarks say."""
    accepted_from = marks.clicks - horizons.touch_lateness
    orders_from = min(marks.orders - horizons.order_memory, accepted_from)
    touches_from = min(marks.orders - horizons.order_lateness - horizons.candidate_window, accepted_from)
    return Retention(orders_from, touches_from // DAY * DAY)


def forget(buyer: Buyer, since: Retention) -> ForgottenParts | None:
    """Drop what can no longer matter, and say what that was; None: nothing. Whether and when this runs can never show
    in a result.

    A candidate stays as long as its order. Facts that waited too long leave with their dead letters.
    """
    if buyer.oldest_paid_at >= since.orders_from and buyer.oldest_touch_at >= since.touches_from:
        return None
    kept = {i: order for i, order in buyer.orders.items() if order.payment.paid_at >= since.orders_from}
    needed = {offset for order in kept.values() for offset in order.candidates}
    stale = [o for o, t in buyer.touches.items() if t.occurred_at < since.touches_from and o not in needed]
    gone = ForgottenParts(stale, [order_id for order_id in buyer.orders if order_id not in kept])
    buyer.keep(kept, without=stale)
    times = [touch.occurred_at for touch in buyer.touches.values()]
    buyer.oldest_touch_at = min([at for at in times if at >= since.touches_from], default=NEVER)
    return gone if any(gone) else None
