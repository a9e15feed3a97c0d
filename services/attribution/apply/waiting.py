"""The waiting room: records of unknown orders, kept whole until their order is paid or their time is up.

The facts themselves wait in their buyer's state. The room keeps what a dead letter needs, ordered by expiry.
"""

import heapq
from typing import NamedTuple

from services.attribution.apply.ports import Source

QueuePlace = tuple[int, int]
"""(occurred_at, offset): the record that expires first comes first."""


class HeldRecord(NamedTuple):
    """A waiting record: its buyer and order, and the record as the broker gave it."""

    buyer_id: str
    order_id: str
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class WaitingRoom:
    """Held records by queue place; the next checkpoint writes `added` and `removed`."""

    def __init__(self, held: dict[QueuePlace, HeldRecord]) -> None:
        self.held = held
        self.added: dict[QueuePlace, HeldRecord] = {}
        self.removed: set[QueuePlace] = set()
        self._queue = sorted(held)

    def hold(self, buyer_id: str, order_id: str, occurred_at: int, record: Source) -> None:
        """Keep a record until it leaves or expires."""
        place = (occurred_at, record.offset)
        self.held[place] = self.added[place] = HeldRecord(
            buyer_id, order_id, record.offset, record.timestamp, record.key, record.value, tuple(record.headers)
        )
        self.removed.discard(place)
        heapq.heappush(self._queue, place)

    def leave(self, place: QueuePlace) -> HeldRecord:
        """Remove a record, and return it."""
        if self.added.pop(place, None) is None:
            self.removed.add(place)
        return self.held.pop(place)

    def expire(self, before: int) -> list[HeldRecord]:
        """Remove all records that occurred before this time; returns them, oldest first."""
        expired = []
        while self._queue and self._queue[0][0] < before:
            place = heapq.heappop(self._queue)
            if place in self.held:
                expired.append(self.leave(place))
        return expired

    def clear_changes(self) -> None:
        """Start `added` and `removed` again, after a checkpoint has taken them."""
        self.added, self.removed = {}, set()
