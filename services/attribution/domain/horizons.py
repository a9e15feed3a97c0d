"""The four spans of time that decide which events are accepted and which state may be forgotten."""

from typing import NamedTuple

from services.kernel.time import DAY, HOUR

TOUCHES_PER_DAY = 200
"""Touches of one buyer in one UTC day; more of them come from a bot."""
FACTS_PER_ORDER = 200
"""Events of one order besides its payment."""
ORDERS_PER_BUYER = 1000
"""Orders of one buyer that accept events at the same time."""
WAITING_PER_BUYER = 200
"""Events of one buyer that wait for their orders."""
WAITING_PER_PARTITION = 50_000
"""Events of one partition that wait for their orders; memory holds their bytes."""
FUTURE = HOUR
"""How far an event's time may be ahead of the broker's clock."""


class Horizons(NamedTuple):
    """Spans in microseconds. Every store records them, because other spans make another truth.

    Attributes:
        candidate_window: W; a touch may precede the payment by this much and still be a candidate.
        touch_lateness: L; a touch may be behind the clicks log's watermark by this much.
        order_lateness: LO; a payment may be behind the orders log's watermark by this much.
        order_memory: H; an order accepts events for this long after its payment.
    """

    candidate_window: int = 15 * DAY
    touch_lateness: int = 3 * DAY
    order_lateness: int = 15 * DAY
    order_memory: int = 180 * DAY


ALWAYS = -(10**18)
"""A time before all events."""


class Watermarks(NamedTuple):
    """The greatest occurred_at among the accepted records of each log of a partition; ALWAYS before the first one."""

    clicks: int = ALWAYS
    orders: int = ALWAYS
