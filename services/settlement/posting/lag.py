"""Whether the poster still reads: an end when records wait and nothing is fetched."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError

from services.kernel.errors import Stalled
from services.runtime.log_offsets import ends_of_led, names_of

LOOK_SECONDS = 1.0
STALL_SECONDS = 15.0
"""Longer than a rebalance, and than a broker's election; a transaction in retry does not come by here."""
STANDSTILL_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Lag:
    """Compares where the books stand with the ends of the logs.

    The ends are asked of the brokers: a client that has stopped fetching knows none, and would see no lag at all.

    Args:
        consumer: asked for the ends.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._looked = self._moved = time.monotonic()
        self._durable: dict[TopicPartition, int] = {}
        self._ends_known = True

    def update(self, durable: Mapping[TopicPartition, int]) -> None:
        """Compare, at most once a second. A log whose end cannot be read now counts as read, until the next time.

        Raises:
            Stalled: records wait, and no offset has moved for STALL_SECONDS.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        if now - self._looked > STANDSTILL_SECONDS:
            self._moved = now  # the process itself stood still, and cannot tell about the fetches
        self._looked = now
        ends = self._ends(durable)
        behind = {tp: max(0, end - durable[tp]) for tp, end in ends.items()}
        if not any(behind.values()) or dict(durable) != self._durable:
            self._moved, self._durable = now, dict(durable)
        elif now - self._moved > STALL_SECONDS:
            raise Stalled(f"{sum(behind.values())} records wait and none was fetched for {STALL_SECONDS:g} s")

    def _ends(self, durable: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Where logs end now, as far as brokers lead them and answer; what is missing is said once.

        Nobody can fetch from a log without a leader, so that it is no stall.
        """
        try:
            ends = ends_of_led(self._consumer, durable) if durable else {}
        except KafkaError:
            ends = {}
        unknown = names_of(durable.keys() - ends.keys())
        if unknown and self._ends_known:
            log.warning("no broker says where these logs end; they are asked for again", partitions=unknown)
        self._ends_known = not unknown
        return ends
