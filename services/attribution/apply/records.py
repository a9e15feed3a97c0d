"""Decoded records of the two logs, and refused records."""

from typing import NamedTuple

from services.attribution.apply.ports import Source
from services.attribution.domain.facts import Fact, Payment, Touch

MICROS = 1000
"""Microseconds in a millisecond, the unit of a broker's timestamp."""


class TouchRecord(NamedTuple):
    """A decoded record of the clicks log."""

    source: Source
    buyer_id: str
    touch: Touch


class OrderRecord(NamedTuple):
    """A decoded record of the orders log."""

    source: Source
    buyer_id: str
    order_id: str
    event: Payment | Fact


class RefusedRecord(NamedTuple):
    """A record for the dead-letter topic."""

    source: Source
    reason: str
    detail: str
