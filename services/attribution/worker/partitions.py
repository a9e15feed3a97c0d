"""The assigned partitions: chunks are applied one at a time, checkpoints are taken between them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from faust.types import TP

from schemas.topics import CLICKS, ORDERS
from services.attribution.snapshots.keeper import FrozenStore, Keeper
from services.attribution.state.store import Store
from services.attribution.stream.alignment import Alignment
from services.attribution.stream.consumer import ChunkConsumer
from services.attribution.stream.fetch import Chunk, history_lost
from services.attribution.stream.producer import Outbox
from services.attribution.worker import metrics as worker_metrics
from services.attribution.worker.checkpoint import CheckpointWriter
from services.attribution.worker.failure import Failure, stops_worker
from services.attribution.worker.process import Pipeline
from services.attribution.worker.threads import KeeperThreads
from services.kernel.errors import HistoryLost, InvariantBroken
from services.runtime import garbage

_HANDOVER_SECONDS = 1.0
"""How long a rebalance waits for snapshots: the next worker of the partition may have nothing else to start from."""
_LAST_UPLOAD_SECONDS = 10.0
"""How long a stop waits for snapshots."""


class AssignedPartitions:
    """The assigned partitions of a worker: their open stores, and the order in which they change.

    Args:
        topics: the inputs; every assigned partition number must come with all of them.
        keeper: opens stores and takes their snapshots.
        crash: stops the worker with the problem as its reason.

    Attributes:
        stores: the open stores, by partition number.
        has_assignment: whether all stores of the last assignment are open.
    """

    def __init__(
        self,
        topics: frozenset[str],
        keeper: Keeper,
        pipeline: Pipeline,
        outbox: Outbox,
        crash: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        self.topics = topics
        self.stores: dict[int, Store] = {}
        self.failure = Failure(crash)
        self.has_assignment = False
        self._keeper, self._pipeline = KeeperThreads(keeper), pipeline
        self._checkpoint_writer = CheckpointWriter(outbox, self.failure)
        self._alignment = Alignment(CLICKS.name, ORDERS.name)
        self._epoch = 0
        self._turn = asyncio.Lock()
        self._checkpointing = asyncio.Lock()

    @property
    def held_back(self) -> frozenset[TP]:
        """Partitions with enough waiting orders, which need no further records for now."""
        return self._alignment.held_back

    async def fail(self, problem: Exception) -> None:
        """Stop the worker; from now on nothing becomes durable."""
        await self.failure.stop_for(problem)

    @stops_worker
    async def apply(self, chunk: Chunk) -> None:
        """Apply a chunk to its partition's state, unless it was read before the latest seek.

        Raises:
            InvariantBroken: records between the state and the chunk are missing.
        """
        async with self._turn:
            store = self.stores.get(chunk.partition)
            if self.failure.problem or store is None or chunk.epoch != self._epoch:
                return
            worker_metrics.show_read(chunk)
            for due in self._alignment.put(chunk):
                await self._apply(store, due)

    async def _apply(self, store: Store, chunk: Chunk) -> None:
        with store.applying(chunk):
            await self._pipeline.process(store, chunk)
        self._checkpoint_writer.count(len(chunk.records))

    @stops_worker
    async def checkpoint(self, consumer: ChunkConsumer) -> None:
        """Wait until a checkpoint is due, and take it."""
        await self._checkpoint_writer.wait_until_due()
        async with self._checkpointing:
            async with self._turn:
                if not self.failure.problem:
                    await self._apply_overdue(consumer)
                taken = self._checkpoint_writer.take(self.stores.values())
            await self._checkpoint_writer.finish(taken, self.stores, consumer)

    async def _apply_overdue(self, consumer: ChunkConsumer) -> None:
        """Apply the orders that have waited long enough for their touches."""
        for chunk in self._alignment.call_time(lambda partition: self._touches_left(consumer, partition)):
            await self._apply(self.stores[chunk.partition], chunk)

    def _touches_left(self, consumer: ChunkConsumer, partition: int) -> int | None:
        end: int | None = consumer.highwater(TP(CLICKS.name, partition))
        return None if end is None else max(0, end - self.stores[partition].next_offsets[CLICKS.name])

    @stops_worker
    async def snapshots(self) -> None:
        """Take a snapshot of every open store, one after another; chunks and checkpoints go on."""
        for number in sorted(self.stores):
            async with self._checkpointing:
                if self.failure.problem or number not in self.stores:
                    return
                frozen = await self._keeper.freeze(number)
            await self._keeper.upload([frozen])

    @stops_worker
    async def open(self, assigned: set[TP], consumer: ChunkConsumer) -> None:
        """Open the stores of an assignment, and publish all orders of a store whose policy was older.

        Raises:
            InvariantBroken: the assignment lacks a topic of a partition number.
            StartRefused: a store does not fit this process.
        """
        # Clicks and orders of a partition share one store.
        numbers = sorted({tp.partition for tp in assigned})
        for number in numbers:
            if {tp.topic for tp in assigned if tp.partition == number} != self.topics:
                raise InvariantBroken(
                    f"partition {number} was assigned without all of {', '.join(sorted(self.topics))}"
                )
        # No chunk and no checkpoint comes between the stores and their publication.
        async with self._checkpointing, self._turn:
            starts = await consumer.earliest(sorted(assigned))
            await self._open_all({n: {topic: starts[TP(topic, n)] for topic in self.topics} for n in numbers})
            garbage.begin_anew()
            await self._publish_all()
        self._checkpoint_writer.begin_anew()
        self.has_assignment = True
        worker_metrics.show_assignment(self.stores)

    async def _open_all(self, starts: dict[int, dict[str, int]]) -> None:
        opened = await self._keeper.open_all(starts)
        self.stores.update((number, store) for number, store in opened.items() if isinstance(store, Store))
        for problem in opened.values():
            if isinstance(problem, BaseException):
                raise problem

    async def _publish_all(self) -> None:
        """Publish all orders of the stores whose policy was older, and wait until the brokers have them."""
        with contextlib.ExitStack() as publishing:
            for number, store in self.stores.items():
                if store.must_publish_all:
                    publishing.enter_context(store.publishing_all())
                    await self._pipeline.publish_all(number, store)
            await self._checkpoint_writer.wait_for_acknowledgements()

    @stops_worker
    async def seek(self, consumer: ChunkConsumer) -> dict[TP, int]:
        """Seek every open partition to its store's offsets, in a new epoch. Returns the offsets.

        Raises:
            HistoryLost: a log starts after the next offset of a store.
        """
        async with self._turn:
            tps = [TP(topic, number) for number in self.stores for topic in sorted(self.topics)]
            starts = await consumer.earliest(tps) if tps else {}
            positions = {}
            for tp in tps:
                wanted = self.stores[tp.partition].next_offsets[tp.topic]
                if wanted < starts[tp]:
                    lost = history_lost(tp.topic, tp.partition, wanted, starts[tp])
                    raise HistoryLost(f"{lost}{self._keeper.why_lost(tp.partition)}")
                positions[tp] = wanted
            self._epoch += 1
            self._alignment.clear()
            await consumer.seek_all(positions, self._epoch)
            return positions

    @stops_worker
    async def close(self, consumer: ChunkConsumer, *, for_good: bool = False) -> None:
        """Take a last checkpoint, close every store even if that fails, and leave snapshots for the next worker."""
        frozen: list[FrozenStore | None] = []
        async with self._checkpointing, self._turn:
            self.has_assignment = False
            self._alignment.clear()
            try:
                if not self.failure.problem and self.stores:
                    taken = self._checkpoint_writer.take(self.stores.values())
                    await self._checkpoint_writer.finish(taken, self.stores, consumer)
                    frozen = [await self._keeper.freeze(number) for number in self.stores]
            finally:
                stores, self.stores = self.stores, {}
                for store in stores.values():
                    store.close()
                worker_metrics.clear_partitions()
        await self._keeper.upload(frozen, _LAST_UPLOAD_SECONDS if for_good else _HANDOVER_SECONDS)
        if for_good:
            self._keeper.stop()

    def not_ready(self) -> str | None:
        """Why this worker is not ready; None if it is."""
        if self.failure.problem:
            return f"stopping: {self.failure.problem}"
        return None if self.has_assignment else "no partitions assigned yet"
