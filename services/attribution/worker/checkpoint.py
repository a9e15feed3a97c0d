"""Checkpoints: what changed is encoded between two chunks, and made durable once the brokers have all that was sent."""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping

from faust.types import TP

from services.attribution.state.store import Checkpoint, Store
from services.attribution.stream.consumer import ChunkConsumer
from services.attribution.stream.producer import Outbox
from services.attribution.worker import metrics as worker_metrics
from services.attribution.worker.failure import Failure

CHECKPOINT_SECONDS = 1.0
CHECKPOINT_EVENTS = 50_000

TakenCheckpoints = list[tuple[Store, Checkpoint]]
"""What is to be made durable, by store."""


class CheckpointWriter:
    """When a checkpoint is due, and how one becomes durable.

    Args:
        outbox: whose acknowledgements a checkpoint waits for.
        failure: after it nothing becomes durable.
    """

    def __init__(self, outbox: Outbox, failure: Failure) -> None:
        self._outbox, self._failure = outbox, failure
        self._due = asyncio.Event()
        self._events = 0
        self._mirrored: dict[TP, int] = {}

    def count(self, events: int) -> None:
        """So many more events were applied."""
        self._events += events
        if self._events >= CHECKPOINT_EVENTS:
            self._due.set()

    async def wait_until_due(self) -> None:
        """Wait until a checkpoint is due, by time or by events."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), CHECKPOINT_SECONDS)

    def take(self, stores: Iterable[Store]) -> TakenCheckpoints:
        """Encode what changed in every store that is whole; chunks may go on while it is made durable."""
        self._due.clear()
        self._events = 0
        return [(store, store.take()) for store in stores if store.needs_checkpoint]

    async def finish(self, taken: TakenCheckpoints, stores: Mapping[int, Store], consumer: ChunkConsumer) -> None:
        """Wait for every acknowledgement, write each store's batch, tell Kafka (again, until it has taken it)."""
        started = time.perf_counter()
        await self.acknowledged()
        if self._failure.problem:
            return
        for store, checkpoint in taken:
            store.write(checkpoint)
        durable = {TP(topic, p): offset for p, store in stores.items() for topic, offset in store.durable.items()}
        if durable and durable != self._mirrored and await consumer.mirror(durable):
            self._mirrored = durable
        worker_metrics.show_checkpoint(stores, consumer, time.perf_counter() - started)

    async def acknowledged(self) -> None:
        """Wait until the brokers have all that was sent; the first failed send stops the worker."""
        try:
            await asyncio.gather(*self._outbox.take_awaited())
        except Exception:
            worker_metrics.count_produce_failure()
            raise

    def begin_anew(self) -> None:
        """After an assignment: tell Kafka where the stores are, though nothing new may have come."""
        self._mirrored = {}
