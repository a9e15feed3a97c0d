"""Alignment: of a partition's two logs, touches are applied before the orders that were appended after them.

Any order of reading ends in the same truth; but an order that is read long before its touches is published again for
each of them. In a backlog that made nearly three times the work. So orders wait for the touches of their time, by the
broker's timestamps, and never for touches that do not come. While enough of a partition's orders wait, no more of them
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
"""Waiting orders of one partition after which no more are fetched; those that were on their way come on top."""
PATIENCE_CALLS = 10
"""Calls of time, about seconds, after which touches that are in the log but do not come are no longer waited for."""
_timestamp = attrgetter("timestamp")


@dataclass(slots=True)
class _Wait:
    """A partition's orders in waiting.

    Attributes:
        seen_until: the broker's time of the last touch applied, milliseconds.
        is_over: no touches are known to be left to read.
        next_offset: of the next touch.
        offset: that, when time was last called.
        calls: of time, since a touch came.
    """

    chunks: deque[Chunk] = field(default_factory=deque)
    records: int = 0
    seen_until: int = -1
    is_over: bool = False
    next_offset: int = -1
    offset: int = -1
    calls: int = 0

    def release(self) -> Iterator[Chunk]:
        """Chunks, or what of them is due, in their order."""
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
        leader, follower: the topic that goes ahead, and the one that waits.

    Attributes:
        held_back: where enough is waiting. Another thread looks at it: it is replaced, never changed.
    """

    def __init__(self, leader: str, follower: str) -> None:
        self._leader, self._follower = leader, follower
        self._waits: dict[int, _Wait] = {}
        self.held_back: frozenset[TP] = frozenset()

    def put(self, chunk: Chunk) -> Iterator[Chunk]:
        """The chunks to apply now, in this order, with this one among them or waiting."""
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
        """Chunks of partitions where no touch is left to apply, or where none has come for many calls.

        Args:
            left: how many touches of a partition are in the log and not applied; None: that is not known yet.
        """
        for partition, wait in self._waits.items():
            wait.calls = wait.calls + 1 if wait.next_offset == wait.offset else 0
            wait.offset = wait.next_offset
            if wait.chunks and (left(partition) == 0 or wait.calls >= PATIENCE_CALLS):
                wait.is_over = True
                yield from wait.release()
                self._hold(partition, wait.records)

    def clear(self) -> None:
        """Forget all: what waited will be read again."""
        self._waits.clear()
        self.held_back = frozenset()
