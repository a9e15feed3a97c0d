"""Alignment: of a partition's two logs, touches are applied before the orders that were appended after them.

Any order of reading ends in the same truth; but an order that is read long before its touches is published again for
each of them. In a backlog that made nearly three times the work. So orders wait for the touches of their time: by the
broker's timestamps, boundedly, and never for touches that do not come.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from services.attribution.adapters.chunks import Chunk

HELD_RECORDS = 8_000
"""Orders of one partition that may wait in memory."""
_timestamp = attrgetter("timestamp")


@dataclass(slots=True)
class _Wait:
    """A partition's orders in waiting.

    Attributes:
        seen_until: the broker's time of the last touch applied, milliseconds.
        is_over: no touches are known to be left to read.
        offset: of the next touch, when time was last called.
    """

    chunks: deque[Chunk] = field(default_factory=deque)
    records: int = 0
    seen_until: int = -1
    is_over: bool = False
    next_offset: int = -1
    offset: int = -1

    def release(self) -> Iterator[Chunk]:
        """Chunks, or what of them is due, in their order."""
        while self.chunks:
            chunk = self.chunks[0]
            due = chunk
            if not (self.is_over or self.records > HELD_RECORDS):
                due = chunk.until(bisect_left(chunk.records, self.seen_until, key=_timestamp))
            if due is chunk:
                self.chunks.popleft()
            elif not due.records:
                return
            self.records -= len(due.records)
            yield due


class Alignment:
    """Puts the chunks of an assignment into order. `leader` is the topic that goes ahead, the other one waits."""

    def __init__(self, leader: str) -> None:
        self._leader = leader
        self._waits: dict[int, _Wait] = {}

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

    def call_time(self) -> Iterator[Chunk]:
        """Chunks that waited since the last call while no touch of their partition came: nothing is to be expected."""
        for wait in self._waits.values():
            if wait.chunks and wait.next_offset == wait.offset:
                wait.is_over = True
                yield from wait.release()
            wait.offset = wait.next_offset

    def clear(self) -> None:
        """Forget all: what waited will be read again."""
        self._waits.clear()
