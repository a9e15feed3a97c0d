"""What the poster fetches: records of its partitions, decoded as they come, until they are a batch."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError

from schemas.topics import CREDITS
from services.kernel.errors import HistoryLost
from services.settlement.books.ports import Batch
from services.settlement.posting.assignment import Assignment
from services.settlement.posting.read_credits import CreditReader


class RegistryRecords(NamedTuple):
    """Records of the registry, and from where to where they go."""

    bounds: tuple[int, int]
    records: Sequence[Any]


class FetchedBatch(NamedTuple):
    """What one round of transactions posts.

    `ends` is where each partition goes on, `first_ms` and `last_ms` the broker's times of its first and last record in
    milliseconds, and `poison` the sentence for a record that is no credit assertion.
    """

    registry: RegistryRecords | None
    credits: Batch
    poison: str | None
    ends: Mapping[TopicPartition, int]
    first_ms: Mapping[TopicPartition, int]
    last_ms: Mapping[TopicPartition, int]


class Fetcher:
    """Fetches and decodes; a batch begins where the one before it ended, whether that is posted yet or not.

    Args:
        consumer: a kafka-python consumer.
        assignment: says which partitions are ours, and where the books stand in them.
    """

    def __init__(self, consumer: Any, assignment: Assignment) -> None:
        self._consumer = consumer
        self._assignment = assignment
        self._begins: dict[TopicPartition, int] = {}
        self._empty()

    def _empty(self) -> None:
        self.count = 0
        self._credits = CreditReader()
        self._registry: list[Any] = []
        self._firsts: dict[TopicPartition, int] = {}
        self._first_ms: dict[TopicPartition, int] = {}
        self._last_ms: dict[TopicPartition, int] = {}

    def begin_anew(self) -> None:
        """Forget what was fetched; the next batch begins where the assignment says."""
        self._begins = dict(self._assignment.next)
        self._empty()

    def fetch(self, wait_seconds: float, room: int) -> None:
        """Fetch what is there, at most `room` records.

        Raises:
            HistoryLost: the log no longer holds what the books are to read next.
        """
        try:
            fetched = self._consumer.poll(timeout_ms=int(wait_seconds * 1000), max_records=room)
        except NoOffsetForPartitionError:
            self._assignment.changed = True  # assigned, but the database did not answer in time to seek
            return
        except OffsetOutOfRangeError as error:
            raise HistoryLost(f"the log no longer holds what the books are to read next: {error}") from error
        if self._assignment.changed:
            return  # all that was fetched before is void, and perhaps this too
        for tp, records in fetched.items():
            self.count += len(records)
            self._firsts.setdefault(tp, records[0].offset)
            self._first_ms.setdefault(tp, records[0].timestamp)
            self._last_ms[tp] = records[-1].timestamp
            if tp.topic == CREDITS.name:
                self._credits.add(tp.partition, records)
            else:
                self._registry += records

    def take(self) -> FetchedBatch | None:
        """What was fetched, as a batch; None where nothing was, or where it does not begin where it should."""
        bounds = {tp: self._bounds(tp, first) for tp, first in self._begins.items()}
        if any(begin < 0 for begin, _ in bounds.values()):
            self._assignment.changed = True
            return None
        moved = {tp: (begin, end) for tp, (begin, end) in bounds.items() if end > begin}
        ranges = {tp.partition: span for tp, span in moved.items() if tp.topic == CREDITS.name}
        registry = next((RegistryRecords(span, self._registry) for tp, span in moved.items()
                         if tp.topic != CREDITS.name), None)  # fmt: skip
        ends = {tp: end for tp, (_, end) in moved.items()}
        posted, poison = self._credits.batch(ranges), self._credits.poison
        batch = FetchedBatch(registry, posted, poison, ends, self._first_ms, self._last_ms)
        self._begins.update(ends)
        self._empty()
        return batch if moved else None

    def _bounds(self, tp: TopicPartition, begin: int) -> tuple[int, int]:
        """From where the batch begins to where the client fetches next; records may be missing in between.

        -1 as the beginning: the client is not where the last batch ended.
        """
        end = self._consumer.position(tp)
        if end is None or self._firsts.get(tp, begin) < begin:
            return -1, -1
        return begin, max(begin, end)
