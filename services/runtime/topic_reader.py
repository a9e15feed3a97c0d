"""Whole topics as they were at one moment: each partition up to where it ended then."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from schemas.topics import Topic
from services.runtime import log_offsets
from services.runtime.kafka import log_reader
from services.runtime.log_records import records_to_ends


class TopicRecords(Protocol):
    """Where records come from."""

    def begin(self, topic: str, partition: int) -> int:
        """The first offset that is still kept."""

    def end(self, topic: str, partition: int) -> int:
        """The offset after the last record, at that moment."""

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Offset and value of the records in [first, end)."""


class KafkaTopics:
    """The topics of the broker, committed records only.

    Args:
        reader: a kafka-python consumer without a group.
        topics: of which records are asked for; their ends are taken now.
    """

    def __init__(self, reader: Any, topics: Iterable[Topic]) -> None:
        from kafka import TopicPartition

        self._reader, self._place = reader, TopicPartition
        places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        self._begins = log_offsets.beginnings(reader, places)
        self._ends = log_offsets.ends(reader, places)

    def begin(self, topic: str, partition: int) -> int:
        """As the protocol says."""
        return self._begins[self._place(topic, partition)]

    def end(self, topic: str, partition: int) -> int:
        """As the protocol says."""
        return self._ends[self._place(topic, partition)]

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        """As the protocol says."""
        if first >= end:
            return
        place = self._place(topic, partition)
        self._reader.assign([place])
        self._reader.seek(place, first)
        for record in records_to_ends(self._reader, {place: end}):
            if record.value is not None:
                yield record.offset, record.value

    def grown(self) -> list[str]:
        """Names of the topics that have more records now."""
        now = log_offsets.ends(self._reader, self._ends)
        return sorted({place.topic for place, end in self._ends.items() if now[place] > end})


@contextmanager
def kafka_topics(topics: Iterable[Topic]) -> Iterator[KafkaTopics]:
    """These topics of the broker, for as long as the block lasts.

    Raises:
        ConnectionError: no broker answers.
    """
    with log_reader(isolation_level="read_committed") as reader:
        yield KafkaTopics(reader, topics)
