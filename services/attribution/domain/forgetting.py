"""Forgetting is garbage collection: only what no accepted event can ever ask for again may go."""

from services.attribution.domain.buyer import Buyer
from services.attribution.domain.horizons import Horizons, Watermarks
from services.kernel.time import DAY


def forget(buyer: Buyer, marks: Watermarks, horizons: Horizons) -> None:
    """Drop what can no longer matter. Whether and when this runs can never show in a result.

    An order goes when neither its own log nor a touch can reach it; a touch when it is no order's candidate, can
    become none, and its id need not be remembered. Facts that waited too long leave with their dead letters.
    """
    oldest_touch = marks.clicks - horizons.touch_lateness
    oldest_order = min(marks.orders - horizons.order_memory, oldest_touch)
    for order_id in [i for i, order in buyer.orders.items() if order.payment.paid_at < oldest_order]:
        del buyer.orders[order_id]
    useful_from = min(marks.orders - horizons.order_lateness - horizons.candidate_window, oldest_touch)
    stale = [offset for offset, touch in buyer.touches.items() if touch.occurred_at < useful_from]
    if stale:
        needed = {offset for order in buyer.orders.values() for offset in order.candidates}
        for offset in stale:
            if offset not in needed:
                _drop_touch(buyer, offset)
    for day in [day for day in buyer.touches_by_day if (day + 1) * DAY <= oldest_touch]:
        del buyer.touches_by_day[day]


def _drop_touch(buyer: Buyer, offset: int) -> None:
    touch = buyer.touches.pop(offset)
    if buyer.offsets.get(touch.event_id) == offset:
        del buyer.offsets[touch.event_id]
