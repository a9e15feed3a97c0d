"""Which orders may be published when the beginning of a log is lost: those that no lost event can belong to."""

from services.attribution.domain.horizons import ALWAYS, FUTURE, Horizons
from services.kernel.time import DAY


def publish_from(clicks_kept_from: int | None, orders_kept_from: int | None, horizons: Horizons) -> int:
    """The payment time from which on orders are published.

    An event is dated at most FUTURE after the broker took it. All lost events therefore occurred before the broker's
    time of the first kept record, plus FUTURE. An order's window must begin after that, on a UTC day that has all its
    touches, because touches are counted by day. The order's own events must all be kept; none of them is dated before
    the payment.

    Args:
        clicks_kept_from, orders_kept_from: the broker's time of the first kept record; None if no record is lost.
    """
    whole_from = ALWAYS
    if clicks_kept_from is not None:
        whole_day = -(-(clicks_kept_from + FUTURE + 1) // DAY) * DAY
        whole_from = whole_day + horizons.candidate_window
    if orders_kept_from is not None:
        whole_from = max(whole_from, orders_kept_from + FUTURE + 1)
    return whole_from
