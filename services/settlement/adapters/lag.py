"""How far the books are behind the logs, in records and in seconds."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from kafka import TopicPartition

from services.runtime.metrics import common


class Lag:
    """Sets koc_lag_records and koc_lag_seconds for the partitions that are ours.

    Args:
        consumer: knows each partition's end from its fetches.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._applied_ms: dict[TopicPartition, int] = {}

    def applied(self, records: Iterable[Any]) -> None:
        """These records are durable now."""
        for record in records:
            self._applied_ms[TopicPartition(record.topic, record.partition)] = record.timestamp

    def update(self, durable: Mapping[TopicPartition, int]) -> None:
        """Compare where the books stand with the ends; partitions that are no longer ours vanish."""
        metrics = common()
        metrics.lag_records.clear()
        metrics.lag_seconds.clear()
        now_ms = time.time() * 1000
        for tp, offset in durable.items():
            end = self._consumer.highwater(tp)
            behind = max(0, (end or 0) - offset)
            age_ms = now_ms - self._applied_ms.get(tp, now_ms)
            metrics.lag_records.labels(tp.topic, tp.partition).set(behind)
            metrics.lag_seconds.labels(tp.topic, tp.partition).set(max(0.0, age_ms / 1000) if behind else 0)
