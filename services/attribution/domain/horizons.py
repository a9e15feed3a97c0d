"""How far the rules look: the four spans of time that decide what is accepted and what may be forgotten."""

from typing import NamedTuple

from services.kernel.time import DAY, HOUR

TOUCHES_PER_DAY = 200
"""Touches of one buyer in one UTC day; more are a bot's."""
FACTS_PER_ORDER = 200
"""Events of one order besides its payment."""
ORDERS_PER_BUYER = 1000
"""Orders of one buyer that accept events at the same time."""
WAITING_PER_BUYER = 200
"""Events of one buyer that wait for their orders."""
WAITING_PER_PARTITION = 50_000
"""Events of one partition that wait for their orders; their bytes are in memory."""
FUTURE = HOUR
"""How far ahead of the broker's clock an event may be dated."""


class Horizons(NamedTuple):
    """Spans in microseconds; part of every store, because two spans make two different truths.

    Attributes:
        candidate_window: W, a touch so long before the payment may still be a candidate.
        touch_lateness: L, behind the greatest accepted time of the clicks log.
        order_lateness: LO, behind the greatest accepted time of the orders log.
        order_memory: H, how long after its payment an order accepts events.
    """

    candidate_window: int = 15 * DAY
    touch_lateness: int = 3 * DAY
    order_lateness: int = 15 * DAY
    order_memory: int = 180 * DAY


ALWAYS = -(10**18)
"""A time before all events."""


class Watermarks(NamedTuple):
    """The greatest occurred_at among the accepted records of each log of a partition; far in the past before any."""

    clicks: int = ALWAYS
    orders: int = ALWAYS
