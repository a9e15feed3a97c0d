"""Alignment of a partition's two logs: touches are applied before the orders that were appended after them.

Any order of reading ends in the same truth. But an order that is read long before its touches is published again for
each of them, which nearly tripled the work in a backlog. Orders therefore wait for the touches of their time, by the
broker's timestamps, and never for touches that do not come. While enough orders of a partition wait, no more of them
are fetched.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from faust.types import TP

from services.attribution.stream.fetch import Chunk

ENOUGH_RECORDS = 2_000
"""Waiting orders of one partition after which no more are fetched; orders on their way come on top."""
PATIENCE_CALLS = 10
"""Calls of time, about seconds: after so many without a touch, orders no longer wait for touches in the log."""
_timestamp = attrgetter("timestamp")


@dataclass(slots=True)
class _Wait:
    """The waiting orders of a partition.

    Attributes:
        records: the number of waiting orders.
        seen_until: the broker's time of the last applied touch, milliseconds.
        is_over: no touch is known to be left to read.
        next_offset: the offset of the next touch.
        offset: the value of `next_offset` at the last call of time.
        calls: calls of time since a touch came.
    """

    chunks: deque[Chunk] = field(default_factory=deque)
    records: int = 0
    seen_until: int = -1
    is_over: bool = False
    next_offset: int = -1
    offset: int = -1
    calls: int = 0

    def release(self) -> Iterator[Chunk]:
        """The chunks, or parts of chunks, that are due, in their order."""
        while self.chunks:
            chunk = self.chunks[0]
            due = chunk
            if not self.is_over:
                due = chunk.until(bisect_left(chunk.records, self.seen_until, key=_timestamp))
            if due is chunk:
                self.chunks.popleft()
            elif not due.records:
                return
            self.records -= len(due.records)
            yield due


class Alignment:
    """Puts the chunks of an assignment into order.

    Args:
        leader, follower: the topic that goes ahead, and the topic that waits.

    Attributes:
        held_back: partitions with enough waiting orders. Another thread reads it: it is replaced, never changed.
    """

    def __init__(self, leader: str, follower: str) -> None:
        self._leader, self._follower = leader, follower
        self._waits: dict[int, _Wait] = {}
        self.held_back: frozenset[TP] = frozenset()

    def put(self, chunk: Chunk) -> Iterator[Chunk]:
        """Take a chunk in. Yields the chunks to apply now, in this order; the given one is among them or waits."""
        wait = self._waits.setdefault(chunk.partition, _Wait())
        if chunk.topic == self._leader:
            yield chunk
            wait.is_over, wait.next_offset = chunk.is_tail, chunk.next
            if chunk.records:
                wait.seen_until = chunk.records[-1].timestamp
        else:
            wait.chunks.append(chunk)
            wait.records += len(chunk.records)
        yield from wait.release()
        self._hold(chunk.partition, wait.records)

    def _hold(self, partition: int, records: int) -> None:
        tp = TP(self._follower, partition)
        if (records >= ENOUGH_RECORDS) != (tp in self.held_back):
            self.held_back ^= {tp}

    def call_time(self, left: Callable[[int], int | None]) -> Iterator[Chunk]:
        """The chunks of partitions where no touch is left to apply, or where none has come for many calls.

        Args:
            left: the number of touches of a partition that are in the log and not applied; None if not known yet.
        """
        for partition, wait in self._waits.items():
            wait.calls = wait.calls + 1 if wait.next_offset == wait.offset else 0
            wait.offset = wait.next_offset
            if wait.chunks and (left(partition) == 0 or wait.calls >= PATIENCE_CALLS):
                wait.is_over = True
                yield from wait.release()
                self._hold(partition, wait.records)

    def clear(self) -> None:
        """Drop all waiting chunks; they will be read again."""
        self._waits.clear()
        self.held_back = frozenset()
