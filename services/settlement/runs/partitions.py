"""A plan's lines by partition, chunk after chunk; several partitions at a time where the store can."""

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

from services.settlement.books.run_ports import RunStore, StoredRun
from services.settlement.domain.pricing.reference import Reference
from services.settlement.runs.applying import LineApplier

RunProgress = Callable[[str], None]
"""Told in words what is done, a line at a time."""

Retried = Callable[[Callable[[], Any]], Any]
"""Tries a transaction again where that can help, and returns what it gave."""


class PartitionsApplying:
    """Settles the planned lines of partitions; each partition is one thread's at a time.

    `stopping` ends all of them after the chunk under way; whoever comes next goes on from there.
    """

    def __init__(
        self, store: RunStore, run: StoredRun, zone_minutes: int, progress: RunProgress, retried: Retried
    ) -> None:
        self._store = store
        self._run = run
        self._zone_minutes = zone_minutes
        self._progress = progress
        self._retried = retried
        self._counting = Lock()
        self._settled = 0
        self.stopping = False

    def settle(self, partition: int) -> None:
        """Settle a partition's lines, then forget the hints that the run has used up."""
        applier = LineApplier(self._run, Reference(), self._zone_minutes)
        done = False
        while not done and not self.stopping:
            count, done = self._retried(partial(self._chunk, applier, partition))
            self._count(count)
        while not self.stopping and self._retried(partial(self._forget, applier, partition)):
            pass

    def _chunk(self, applier: LineApplier, partition: int) -> tuple[int, bool]:
        with self._store.chunk() as transaction:
            return applier.apply_chunk(transaction, partition)

    def _forget(self, applier: LineApplier, partition: int) -> bool:
        with self._store.chunk() as transaction:
            return applier.forget_hints(transaction, partition)

    def _count(self, count: int) -> None:
        with self._counting:
            self._settled += count
            if count:
                self._progress(f"{self._settled:,} lines settled")
