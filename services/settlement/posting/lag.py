"""How far the books are behind the logs, in records and in seconds, and whether they still come nearer."""

import time
from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from services.kernel.errors import Stalled
from services.runtime.metrics import common

LOOK_SECONDS = 1.0
STALL_SECONDS = 15.0
"""Longer than a rebalance, and than a broker's election; a transaction in retry does not come by here."""
STANDSTILL_SECONDS = 5.0


class Lag:
    """Sets koc_lag_records and koc_lag_seconds for the partitions that are ours.

    The ends are asked of the brokers: a client that has stopped fetching knows none, and would report no lag at all.

    Args:
        consumer: asked for the ends.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._applied_ms: dict[TopicPartition, int] = {}
        self._looked = self._moved = time.monotonic()
        self._durable: dict[TopicPartition, int] = {}

    def applied(self, timestamps: Mapping[TopicPartition, int]) -> None:
        """What is durable now: the broker's time of each partition's last record, in milliseconds."""
        self._applied_ms.update(timestamps)

    def update(self, durable: Mapping[TopicPartition, int]) -> None:
        """Compare, at most once a second, where the books stand with the ends; what is no longer ours vanishes.

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
        self._report(behind)
        if not any(behind.values()) or dict(durable) != self._durable:
            self._moved, self._durable = now, dict(durable)
        elif now - self._moved > STALL_SECONDS:
            raise Stalled(f"{sum(behind.values())} records wait and none was fetched for {STALL_SECONDS:g} s")

    def _report(self, behind: Mapping[TopicPartition, int]) -> None:
        metrics = common()
        metrics.lag_records.clear()
        metrics.lag_seconds.clear()
        now_ms = time.time() * 1000
        for tp, count in behind.items():
            age_ms = now_ms - self._applied_ms.get(tp, now_ms)
            metrics.lag_records.labels(tp.topic, tp.partition).set(count)
            metrics.lag_seconds.labels(tp.topic, tp.partition).set(max(0.0, age_ms / 1000) if count else 0)
