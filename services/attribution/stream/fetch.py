"""Chunks: all records that one fetch returned for a partition, carried by Faust as one message.

This module relies on the insides of aiokafka and of Faust's consumer thread. Each assumption has a regression test in
tests/integration/test_attribution_library_assumptions.py.
"""

from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from services.kernel.errors import HistoryLost, InvariantBroken

_NONE = {TP("", -1)}
"""No partition; aiokafka takes an empty set for all partitions."""


class Chunk:
    """The records of [first, next) of one partition, without a hole.

    Offsets without a record hold nothing for readers (transaction markers, aborted records). To Faust a chunk looks
    like a ConsumerRecord with itself as the value.

    Attributes:
        epoch: of the seek before its fetch; a chunk of an earlier epoch will be read again.
        is_tail: the log was not known to hold more records at the time of the fetch.
    """

    __slots__ = (
        "checksum",
        "epoch",
        "first",
        "headers",
        "is_tail",
        "key",
        "next",
        "offset",
        "partition",
        "records",
        "serialized_key_size",
        "serialized_value_size",
        "timestamp",
        "timestamp_type",
        "topic",
    )

    def __init__(
        self, tp: TP, first: int, following: int, epoch: int, records: list[Any], *, is_tail: bool = False
    ) -> None:
        self.topic, self.partition, self.is_tail = tp.topic, tp.partition, is_tail
        self.first, self.next, self.epoch, self.records = first, following, epoch, records
        self.offset = following - 1
        self.timestamp = records[-1].timestamp if records else None
        self.timestamp_type, self.headers, self.key, self.checksum = 0, (), None, None
        self.serialized_key_size = self.serialized_value_size = 0

    @property
    def value(self) -> "Chunk":
        """The chunk itself. An attribute would be a cycle, and the records would stay until the collector runs."""
        return self

    def until(self, count: int) -> "Chunk":
        """Cut off the first `count` records, as a chunk; the chunk itself if these are all of its records."""
        if count >= len(self.records):
            return self
        tp, following = TP(self.topic, self.partition), self.records[count].offset if count else self.first
        head = Chunk(tp, self.first, following, self.epoch, self.records[:count])
        self.first, self.records = following, self.records[count:]
        return head


def _as_unpacked(_self: PartitionRecords, _tp: TopicPartition, record: Any) -> Any:
    """The record as aiokafka has unpacked it: offset, timestamp, key, value and headers.

    Another object with topic and partition beside them would cost as much as reading the record.
    """
    return record


class ChunkThread(AIOKafkaConsumerThread):
    """Faust's consumer thread, which fetches chunks.

    Positions and epoch change only in this thread, so that a chunk always belongs to the latest seek.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.positions: dict[TP, int] = {}
        self.epoch = 0
        self._sought_assignment: Any = None

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust's consumer, reading only committed records: backends may publish in transactions."""
        PartitionRecords._consumer_record = _as_unpacked  # noqa: SLF001 - a hook that aiokafka does not offer
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - Faust offers it only with its own transactions
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> dict[TP, list[Chunk]]:
        """The records of one fetch, as one chunk for each partition.

        Raises:
            HistoryLost: the log no longer holds the next record.
            InvariantBroken: the log is shorter than it was.
        """
        # Records of held-back partitions stay in the fetcher, which then fetches no more of them.
        wanted = active_partitions - self.held_back() or _NONE
        fetched = await super()._fetch_records(consumer, wanted, timeout, max_records)
        assignment = _assignment(consumer)
        if assignment is not self._sought_assignment:
            return {}  # the group's offsets were read, and not yet the stores'
        # No await in this loop: positions and epoch belong to these records.
        chunks, leaps = {}, {}
        for tp, first in self.positions.items():
            records = fetched.get(tp, [])
            state = assignment.state_value(tp)
            if state is None or not state.has_valid_position or (not records and state.position <= first):
                continue
            if records and records[0].offset != first:
                leaps[tp] = (first, records[0].offset)
            is_tail = state.lso is not None and state.position >= state.lso
            chunks[tp] = [Chunk(tp, first, state.position, self.epoch, records, is_tail=is_tail)]
            self.positions[tp] = state.position
        # A chunk that starts later than expected is fine only if nothing was deleted.
        if leaps:
            await _check_leaps(consumer, leaps)
        return chunks

    def held_back(self) -> frozenset[TP]:
        """Partitions whose fetched records stay in the fetcher, so that no more of them are fetched."""
        return frozenset()

    async def seek_all(self, positions: Mapping[TP, int], epoch: int) -> None:
        """Read these partitions from these offsets on; later chunks have this epoch."""
        await self.call_thread(self._seek_all, dict(positions), epoch)

    async def _seek_all(self, positions: dict[TP, int], epoch: int) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in positions.items():
            consumer.seek(TopicPartition(tp.topic, tp.partition), offset)
        self.positions, self.epoch, self._sought_assignment = positions, epoch, _assignment(consumer)


def _assignment(consumer: Any) -> Any:
    """The group's assignment with the fetch positions: a new object at each rebalance, None before the first one."""
    return consumer._subscription.subscription.assignment  # noqa: SLF001 - known without a request


async def _check_leaps(consumer: Any, leaps: Mapping[TP, tuple[int, int]]) -> None:
    """Let a leap over transaction markers pass; refuse a leap over deleted records, and any leap backwards."""
    starts = await consumer.beginning_offsets([TopicPartition(*tp) for tp in leaps])
    for tp, (wanted, got) in leaps.items():
        if got < wanted:
            raise InvariantBroken(
                f"{tp.topic}[{tp.partition}] went back from {wanted} to {got}: the log was cut or reset", "input_log"
            )
        if starts[TopicPartition(*tp)] > wanted:
            raise history_lost(tp.topic, tp.partition, wanted, starts[TopicPartition(*tp)])


def history_lost(topic: str, partition: int, wanted: int, start: int) -> HistoryLost:
    """The error for a log that starts after the next offset to read."""
    return HistoryLost(
        f"{topic}[{partition}] must be read on from {wanted}, but the log starts at {start}: the log has lost records "
        f"that the state needs. Restore the store of partition {partition} or the topic, or give up the lost records "
        f"with `koc attribution adopt-truncated`"
    )
