"""Fetched bytes as records, read by aiokafka's parser in C: kafka-python's, in Python, takes four times as long.

kafka-python offers no hook for it. Each assumption about the insides of both libraries has a test in
tests/unit/settlement/posting/test_unpacking.py.
"""

from collections.abc import Callable, Collection
from itertools import islice
from struct import Struct
from typing import Any

from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from kafka import TopicPartition
from kafka.errors import CorruptRecordError

from schemas.topics import CREDITS

_HEAD = Struct(">8xiib")
"""Length, leader epoch and format of a record batch; the length counts what comes after itself."""
_LENGTH_END = Struct(">8xi").size
_FORMAT = 2


class _Batches:
    """Record batches as aiokafka reads them; its parser does not tell their leader epoch.

    Attributes:
        bytes_read: of the batches that were read.
        leader_epoch: of the last one; -1 = none was read.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw, self.bytes_read = raw, 0
        self._batches = MemoryRecords(raw)
        self.leader_epoch = -1

    def has_next(self) -> bool:
        """Whether a whole batch is left."""
        return bool(self._batches.has_next())

    def next_batch(self) -> Any:
        """The next batch."""
        length, epoch, version = _HEAD.unpack_from(self._raw, self.bytes_read)
        self.bytes_read += _LENGTH_END + length
        if version == _FORMAT:
            self.leader_epoch = epoch
        return self._batches.next_batch()


class FetchedRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types
    """What kafka-python's fetcher asks of its own PartitionRecords; only committed records.

    A credit is aiokafka's bare record: its topic and partition are known, and an object with them costs as much as
    reading it. A record of the registry is whole, because it may become a dead letter.

    Args:
        fetch_offset: records before it are left out.
        tp: what they are of.
        records: kafka-python's MemoryRecords, not read yet.
        check_crcs: whether a damaged batch is an error.
        aborted_transactions: of the fetch response; None = none.
        metric_aggregator: told bytes and records once all are taken.
        on_drain: told then too.
        options: the deserializers and the isolation level, which are always the same here.
    """

    def __init__(
        self,
        fetch_offset: int,
        tp: TopicPartition,
        records: Any,
        *,
        check_crcs: bool,
        aborted_transactions: Collection[Any] | None,
        metric_aggregator: Any,
        on_drain: Callable[["FetchedRecords"], None],
        **options: Any,
    ) -> None:
        del options
        aborted = [(one.producer_id, one.first_offset) for one in aborted_transactions or ()]
        batches = _Batches(bytes(records._buffer))  # noqa: SLF001 - nothing public gives the bytes back
        super().__init__(tp, batches, aborted, fetch_offset, None, None, check_crcs, READ_COMMITTED)
        self.topic_partition = tp
        self.bytes_read = self.records_read = 0
        self._batches, self._drained = batches, False
        self._metrics, self._on_drain = metric_aggregator, on_drain

    def __bool__(self) -> bool:
        return not self._drained

    @property
    def leader_epoch(self) -> int:
        """Of the last batch that was read."""
        return self._batches.leader_epoch

    def take(self, count: int) -> list[Any]:
        """At most so many records; the end is noticed by fewer.

        Raises:
            CorruptRecordError: a damaged batch comes first. One behind other records is fetched again, and then first.
        """
        taken: list[Any] = []
        try:
            taken.extend(islice(self, count))
        except CorruptRecordException as error:
            if not taken:
                raise CorruptRecordError(str(error)) from error
        self.records_read += len(taken)
        self.bytes_read = self._batches.bytes_read
        if len(taken) < count:
            self.drain()
        return taken

    def drain(self) -> None:
        """Give up what is left; the fetcher is told the first time."""
        if not self._drained:
            self._drained, self._records_iterator = True, None
            if self._metrics is not None:
                self._metrics.record(self.topic_partition, self.bytes_read, self.records_read)
            self._on_drain(self)

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        return record if tp.topic == CREDITS.name else super()._consumer_record(tp, record)
