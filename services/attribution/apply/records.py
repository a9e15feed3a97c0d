"""Records of the two logs, decoded, and those that are refused."""

from typing import NamedTuple

from services.attribution.apply.ports import Source
from services.attribution.domain.facts import Fact, Payment, Touch

MICROS = 1000
"""Microseconds of a broker timestamp's millisecond."""


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
