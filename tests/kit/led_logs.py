"""Logs of which some have no leader, as a kafka-python consumer tells of them."""

from collections.abc import Mapping
from types import SimpleNamespace

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaTimeoutError
from kafka.structs import OffsetAndTimestamp


class LedLogs:
    """Logs that begin at 0 and whose record n was received at n ms.

    Args:
        ends: the offset after the last record of each.

    Attributes:
        unled: those without a leader; a look at any of the logs takes one look off, and 0 looks are a leader.
    """

    def __init__(self, ends: Mapping[TopicPartition, int]) -> None:
        self.ends = dict(ends)
        self.unled: dict[TopicPartition, float] = {}
        self._fetcher = SimpleNamespace(offsets_by_times=self._offsets_by_times)

    def _offsets_by_times(
        self, times: Mapping[TopicPartition, int], timeout_ms: int
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """As kafka-python's: asked for logs that all have no leader, it waits until one has, or the time is up."""
        led = [place for place in times if not self.unled.get(place)]
        if times and not led:
            waited = min(self.unled[place] for place in times)
            if waited == float("inf"):
                raise KafkaTimeoutError(f"Failed to get offsets by timestamps in {timeout_ms} ms")
            led = [place for place in times if self.unled[place] == waited]
            self.unled = {place: looks for place, looks in self.unled.items() if place not in led}
        self.unled = {place: looks - 1 for place, looks in self.unled.items()}
        return {place: self._answer(place, times[place]) if place in led else None for place in times}

    def _answer(self, place: TopicPartition, at: int) -> OffsetAndTimestamp | None:
        if at == OffsetSpec.LATEST:
            return OffsetAndTimestamp(self.ends[place], -1, -1)
        offset = max(0, at)
        return OffsetAndTimestamp(offset, at, -1) if offset < self.ends[place] or at < 0 else None
