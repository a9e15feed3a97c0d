"""Whether the poster still reads: an end when records wait and nothing is fetched."""

import time
from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from services.kernel.errors import Stalled

LOOK_SECONDS = 1.0
STALL_SECONDS = 15.0
"""Longer than a rebalance, and than a broker's election; a transaction in retry does not come by here."""
STANDSTILL_SECONDS = 5.0


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

    def update(self, durable: Mapping[TopicPartition, int]) -> None:
        """Compare, at most once a second.

        Raises:
            Stalled: records wait, and no offset has moved for STALL_SECONDS.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        if now - self._looked > STANDSTILL_SECONDS:
            self._moved = now  # the process itself stood still, and cannot tell about the fetches
        self._looked = now
        try:
            ends = self._consumer.end_offsets(list(durable)) if durable else {}
        except KafkaError:
            return  # no broker answers: nobody can fetch, and nobody stalls
        behind = {tp: max(0, ends[tp] - offset) for tp, offset in durable.items()}
        if not any(behind.values()) or dict(durable) != self._durable:
            self._moved, self._durable = now, dict(durable)
        elif now - self._moved > STALL_SECONDS:
            raise Stalled(f"{sum(behind.values())} records wait and none was fetched for {STALL_SECONDS:g} s")
