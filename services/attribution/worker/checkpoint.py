"""Checkpoints: changes are encoded between two chunks, and made durable once the brokers have all sent records."""

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
"""Taken checkpoints that are not yet durable, with their stores."""


class CheckpointWriter:
    """Decides when a checkpoint is due, takes it, and makes it durable.

    Args:
        outbox: a checkpoint waits for its acknowledgements.
        failure: once it has a problem, nothing becomes durable.
    """

    def __init__(self, outbox: Outbox, failure: Failure) -> None:
        self._outbox, self._failure = outbox, failure
        self._due = asyncio.Event()
        self._events = 0
        self._mirrored_offsets: dict[TP, int] = {}

    def count(self, events: int) -> None:
        """Count applied events."""
        self._events += events
        if self._events >= CHECKPOINT_EVENTS:
            self._due.set()

    async def wait_until_due(self) -> None:
        """Wait until a checkpoint is due, by time or by events."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), CHECKPOINT_SECONDS)

    def take(self, stores: Iterable[Store]) -> TakenCheckpoints:
        """Encode the changes of every store that is whole. Chunks may go on while the changes are made durable."""
        self._due.clear()
        self._events = 0
        return [(store, store.take()) for store in stores if store.needs_checkpoint]

    async def finish(self, taken: TakenCheckpoints, stores: Mapping[int, Store], consumer: ChunkConsumer) -> None:
        """Wait for all acknowledgements, write each store's batch, and mirror the offsets if Kafka lacks them."""
        started = time.perf_counter()
        await self.wait_for_acknowledgements()
        if self._failure.problem:
            return
        for store, checkpoint in taken:
            store.write(checkpoint)
        durable = {TP(topic, p): offset for p, store in stores.items() for topic, offset in store.durable.items()}
        if durable and durable != self._mirrored_offsets and await consumer.mirror(durable):
            self._mirrored_offsets = durable
        worker_metrics.show_checkpoint(stores, time.perf_counter() - started)

    async def wait_for_acknowledgements(self) -> None:
        """Wait until the brokers have all sent records; the first failed send stops the worker."""
        try:
            await asyncio.gather(*self._outbox.take_acknowledgements())
        except Exception:
            worker_metrics.count_produce_failure()
            raise

    def begin_anew(self) -> None:
        """After an assignment, mirror the offsets of the stores even if no event is new."""
        self._mirrored_offsets = {}
