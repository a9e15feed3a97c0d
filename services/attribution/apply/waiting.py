"""The waiting room: records of orders that are not known yet, kept whole until their order is paid or their time is up.

The facts themselves wait with their buyer; here stands what a dead letter needs, in the order in which time runs out.
"""

import heapq
from typing import NamedTuple

from services.attribution.apply.ports import Source

QueuePlace = tuple[int, int]
"""(occurred_at, offset): what runs out first comes first."""


class HeldRecord(NamedTuple):
    """A waiting record: whose it is, and its bytes as they came."""

    buyer_id: str
    order_id: str
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class WaitingRoom:
    """Held records by place. `added` and `removed` are what the next checkpoint writes."""

    def __init__(self, held: dict[QueuePlace, HeldRecord]) -> None:
        self.held = held
        self.added: dict[QueuePlace, HeldRecord] = {}
        self.removed: set[QueuePlace] = set()
        self._queue = sorted(held)

    def hold(self, buyer_id: str, order_id: str, occurred_at: int, record: Source) -> None:
        """Keep a record until `leave` or until its time is up."""
        place = (occurred_at, record.offset)
        self.held[place] = self.added[place] = HeldRecord(
            buyer_id, order_id, record.offset, record.timestamp, record.key, record.value, tuple(record.headers)
        )
        self.removed.discard(place)
        heapq.heappush(self._queue, place)

    def leave(self, place: QueuePlace) -> HeldRecord:
        """Let a record go and return it."""
        if self.added.pop(place, None) is None:
            self.removed.add(place)
        return self.held.pop(place)

    def expire(self, before: int) -> list[HeldRecord]:
        """Let all go that occurred before this time, oldest first."""
        gone = []
        while self._queue and self._queue[0][0] < before:
            place = heapq.heappop(self._queue)
            if place in self.held:
                gone.append(self.leave(place))
        return gone

    def clear_changes(self) -> None:
        """A checkpoint has taken `added` and `removed`."""
        self.added, self.removed = {}, set()
