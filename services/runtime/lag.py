"""How far a reader is behind its logs, in records and in seconds.

The ends of the logs are looked up beside the reader, on a thread and a connection of its own, and ages are worked out
at each scrape: a reader that stands still, wherever it does, cannot hide how far behind it is.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog

from services.runtime import log_offsets
from services.runtime.kafka import log_reader
from services.runtime.metrics import common

LOOK_SECONDS = 1.0
"""Between two looks at the ends; an age may be too great by as much."""

_MILLI = 1000
PartitionName = tuple[str, int]
"""Topic and partition number."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Reading:
    """A partition that is read: what is durable of it, and where its log ends.

    Attributes:
        waiting_since: when the broker got the oldest record that is not durable, as well as we know it; Unix time.
        is_fetched: whether that is known from the record itself.
    """

    durable: int
    end: int
    waiting_since: float
    is_fetched: bool = False

    def records(self) -> float:
        """Records that are not durable yet."""
        return float(max(0, self.end - self.durable))

    def seconds(self) -> float:
        """The age of the oldest of them; 0 = none waits."""
        return max(0.0, time.time() - self.waiting_since) if self.end > self.durable else 0.0


class LagWatch:
    """Sets koc_lag_records and koc_lag_seconds for the partitions that this process reads."""

    def __init__(self) -> None:
        self._readings: dict[PartitionName, _Reading] = {}
        self._unled: set[str] = set()

    def assign(self, offsets: Mapping[PartitionName, int]) -> None:
        """The partitions that are ours from now on, with what is durable of each; all others are no longer shown."""
        before, now = self._readings, time.time()
        self._readings = {place: _Reading(offset, offset, now) for place, offset in offsets.items()}
        for place, reading in self._readings.items():
            if known := before.get(place):
                reading.end = known.end
                reading.waiting_since = known.waiting_since if known.durable == reading.durable else now
            common().lag_records.labels(place[0], str(place[1])).set_function(reading.records)
            common().lag_seconds.labels(place[0], str(place[1])).set_function(reading.seconds)
        for topic, number in before.keys() - self._readings.keys():
            common().lag_records.remove(topic, str(number))
            common().lag_seconds.remove(topic, str(number))

    def take(self, first_ms: Mapping[PartitionName, int]) -> None:
        """Records were fetched: the broker's time of the first one of each partition, milliseconds."""
        for place, milliseconds in first_ms.items():
            reading = self._readings.get(place)
            if reading is not None and not reading.is_fetched:
                reading.waiting_since, reading.is_fetched = milliseconds / _MILLI, True
                reading.end = max(reading.end, reading.durable + 1)

    def move(self, offsets: Mapping[PartitionName, int], last_ms: Mapping[PartitionName, int]) -> None:
        """More is durable: the next offset of each partition, and the broker's time of the last record before it."""
        for place, offset in offsets.items():
            reading = self._readings.get(place)
            if reading is not None and offset != reading.durable:
                reading.durable, reading.is_fetched = offset, False
                reading.waiting_since = last_ms.get(place, time.time() * _MILLI) / _MILLI

    def look(self, ends: Mapping[PartitionName, int]) -> None:
        """Where logs end now."""
        for place, end in ends.items():
            if reading := self._readings.get(place):
                reading.end = end
                if end <= reading.durable:
                    reading.waiting_since = time.time()  # what comes next is no older than this

    def start(self) -> None:
        """Look every second, until the process ends, whatever goes wrong: without looks a lag would seem small."""
        threading.Thread(target=self._run, name="lag", daemon=True).start()

    def _run(self) -> None:
        pause, told = threading.Event(), set[str]()
        while True:
            try:
                with log_reader() as reader:
                    while not pause.wait(LOOK_SECONDS):
                        self._ask(reader)
                        told.clear()
            except Exception as problem:  # noqa: BLE001 - see `start`
                # each kind is said once: koc_kafka_answered_timestamp_seconds says for how long
                kind = type(problem).__name__
                if kind not in told:
                    log.warning("the ends of the logs are not known", kind=kind, reason=str(problem))
                told.add(kind)
                pause.wait(LOOK_SECONDS)

    def _ask(self, reader: Any) -> None:
        from kafka import TopicPartition

        if places := [TopicPartition(*place) for place in self._readings]:
            ends = log_offsets.ends_of_led(reader, places)
            self.look({(place.topic, place.partition): end for place, end in ends.items()})
            common().kafka_answered.set(time.time())
            self._tell_of_unled(set(log_offsets.names_of(place for place in places if place not in ends)))

    def _tell_of_unled(self, names: set[str]) -> None:
        """Say once which partitions no broker leads; their records are shown as they were, their ages go on."""
        if new := names - self._unled:
            log.warning("no broker leads these partitions, so that their logs do not grow", partitions=sorted(new))
        self._unled = names


@cache
def lag_watch() -> LagWatch:
    """The lag of this process."""
    return LagWatch()
