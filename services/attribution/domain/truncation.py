"""Which orders may be published from a log whose beginning is gone: those to which nothing that is gone can belong."""

from services.attribution.domain.horizons import ALWAYS, FUTURE, Horizons
from services.kernel.time import DAY


def publish_from(clicks_kept_from: int | None, orders_kept_from: int | None, horizons: Horizons) -> int:
    """The payment time from which on orders are published.

    An event is dated at most FUTURE after the broker took it, so that all which is gone occurred before the broker's
    time of the first record that is kept, plus FUTURE. An order's window must begin after that; on a UTC day of which
    all touches are there, for they are counted by day. And its own events, none of which is dated before its payment,
    must be there.

    Args:
        clicks_kept_from, orders_kept_from: the broker's time of the first record that is kept; None: none is gone.
    """
    whole_from = ALWAYS
    if clicks_kept_from is not None:
        whole_day = -(-(clicks_kept_from + FUTURE + 1) // DAY) * DAY
        whole_from = whole_day + horizons.candidate_window
    if orders_kept_from is not None:
        whole_from = max(whole_from, orders_kept_from + FUTURE + 1)
    return whole_from
