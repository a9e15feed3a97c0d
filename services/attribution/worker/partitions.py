"""The lane: chunks are applied one at a time, checkpoints are taken between them, and any failure stops the worker."""

import asyncio
import contextlib
import contextvars
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

from faust.types import TP

from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.attribution.snapshots.keeper import Frozen, Keeper
from services.attribution.state.store import Checkpoint, Store
from services.attribution.stream.alignment import Alignment
from services.attribution.stream.consumer import ChunkConsumer
from services.attribution.stream.fetch import Chunk, history_lost
from services.attribution.stream.producer import Outbox
from services.attribution.worker import metrics as worker_metrics
from services.attribution.worker.process import Pipeline
from services.kernel.errors import HistoryLost, InvariantBroken
from services.runtime import garbage

CHECKPOINT_SECONDS = 1.0
CHECKPOINT_EVENTS = 50_000
_UPLOADS_AT_ONCE = 4
_HANDOVER_SECONDS = 1.0
"""How long a rebalance waits for snapshots: who gets the partition may have nothing else to start from."""
_LAST_UPLOAD_SECONDS = 10.0
"""How long a stop waits for them."""

P = ParamSpec("P")
R = TypeVar("R")


def _fail_stop(
    step: Callable[Concatenate["Lane", P], Awaitable[R]],
) -> Callable[Concatenate["Lane", P], Coroutine[Any, Any, R]]:
    """Faust and aiokafka log and swallow errors at several of the places that call us: stop the worker ourselves."""

    @functools.wraps(step)
    async def guarded(lane: "Lane", /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await step(lane, *args, **kwargs)
        except Exception as problem:
            await lane.fail(problem)
            raise

    return guarded


class Lane:
    """All open stores of a worker, and the order in which things happen to them.

    Args:
        topics: the inputs; every assigned partition number must come with all of them.
        keeper: opens stores and takes their snapshots.
        crash: stops the worker, with the problem as its reason.
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
        self.failed: Exception | None = None
        self.has_assignment = False
        self._keeper, self._pipeline, self._outbox, self._crash = keeper, pipeline, outbox, crash
        self._alignment = Alignment(CLICKS.name, ORDERS.name)
        self._mirrored: dict[TP, int] = {}
        self._epoch = 0
        self._events = 0
        self._due = asyncio.Event()
        self._turn = asyncio.Lock()
        self._checkpointing = asyncio.Lock()
        self._openers = ThreadPoolExecutor(BUYER_PARTITIONS, "open")
        self._uploaders = ThreadPoolExecutor(_UPLOADS_AT_ONCE, "snapshot")

    @property
    def held_back(self) -> frozenset[TP]:
        """Partitions of which enough is waiting, so that no more need be fetched for now."""
        return self._alignment.held_back

    async def fail(self, problem: Exception) -> None:
        """From now on nothing becomes durable, and the worker stops."""
        if self.failed is None:
            self.failed = problem
        await self._crash(problem)

    @_fail_stop
    async def apply(self, chunk: Chunk) -> None:
        """Apply a chunk to its partition's state, unless it was read before the latest seek.

        Raises:
            InvariantBroken: records between the state and the chunk are missing.
        """
        async with self._turn:
            store = self.stores.get(chunk.partition)
            if self.failed or store is None or chunk.epoch != self._epoch:
                return
            for due in self._alignment.put(chunk):
                await self._apply(store, due)

    async def _apply(self, store: Store, chunk: Chunk) -> None:
        with store.applying(chunk):
            await self._pipeline.process(store, chunk)
        self._events += len(chunk.records)
        if self._events >= CHECKPOINT_EVENTS:
            self._due.set()

    @_fail_stop
    async def checkpoints(self, consumer: ChunkConsumer) -> None:
        """Wait until a checkpoint is due, by time or by events, and take it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), CHECKPOINT_SECONDS)
        async with self._checkpointing:
            async with self._turn:
                if not self.failed:
                    await self._apply_overdue(consumer)
                taken = self._take()
            await self._finish(taken, consumer)

    async def _apply_overdue(self, consumer: ChunkConsumer) -> None:
        """Apply the orders whose touches are not to be expected any more."""
        for chunk in self._alignment.call_time(lambda partition: self._touches_left(consumer, partition)):
            await self._apply(self.stores[chunk.partition], chunk)

    def _touches_left(self, consumer: ChunkConsumer, partition: int) -> int | None:
        end: int | None = consumer.highwater(TP(CLICKS.name, partition))
        return None if end is None else max(0, end - self.stores[partition].next_offsets[CLICKS.name])

    def _take(self) -> list[tuple[Store, Checkpoint]]:
        """Encode what changed in every store that is whole; chunks may go on while it is made durable."""
        self._due.clear()
        self._events = 0
        changed = [store for store in self.stores.values() if store.needs_checkpoint]
        return [(store, store.take()) for store in changed]

    async def _finish(self, taken: list[tuple[Store, Checkpoint]], consumer: ChunkConsumer) -> None:
        """Wait for every acknowledgement, write each store's batch, tell Kafka (again, until it has taken it)."""
        started = time.perf_counter()
        await self._acknowledged()
        if self.failed:
            return
        for store, checkpoint in taken:
            store.write(checkpoint)
        durable = self._durable()
        if durable and durable != self._mirrored and await consumer.mirror(durable):
            self._mirrored = durable
        worker_metrics.checkpoint(self.stores, consumer, time.perf_counter() - started)

    async def _acknowledged(self) -> None:
        """Wait until the brokers have all that was sent; the first failed send stops the worker."""
        try:
            await asyncio.gather(*self._outbox.take_awaited())
        except Exception:
            worker_metrics.produce_failed()
            raise

    def _durable(self) -> dict[TP, int]:
        return {TP(topic, p): offset for p, store in self.stores.items() for topic, offset in store.durable.items()}

    @_fail_stop
    async def snapshots(self) -> None:
        """Take a snapshot of every open store, one after another; chunks and checkpoints go on."""
        for number in sorted(self.stores):
            async with self._checkpointing:
                if self.failed or number not in self.stores:
                    return
                frozen = await asyncio.to_thread(self._keeper.freeze, number)
            await self._uploaded([frozen])

    async def _uploaded(self, frozen: Sequence[Frozen | None], seconds: float | None = None) -> None:
        """Upload what was frozen; after so many seconds it goes on by itself."""
        uploads = [_in_thread(self._uploaders, self._keeper.upload, one) for one in frozen if one is not None]
        if uploads:
            await asyncio.wait(uploads, timeout=seconds)

    @_fail_stop
    async def open(self, assigned: set[TP], consumer: ChunkConsumer) -> None:
        """Open the stores of an assignment; publish all of a store whose policy was older.

        Raises:
            InvariantBroken: an assignment that does not bring all topics of a partition number together.
            StartRefused: a store does not fit this process.
        """
        numbers = sorted({tp.partition for tp in assigned})
        for number in numbers:
            if {tp.topic for tp in assigned if tp.partition == number} != self.topics:
                raise InvariantBroken(
                    f"partition {number} was assigned without all of {', '.join(sorted(self.topics))}"
                )
        async with self._checkpointing, self._turn:
            await self._open_all(numbers, await consumer.earliest(sorted(assigned)))
            garbage.begin_anew()
            with contextlib.ExitStack() as publishing:
                for number, store in self.stores.items():
                    if store.must_publish_all:
                        publishing.enter_context(store.publishing_all())
                        await self._pipeline.publish_all(number, store)
                await self._acknowledged()
        self._mirrored = {}
        self.has_assignment = True
        worker_metrics.assigned(numbers)

    async def _open_all(self, numbers: list[int], starts: Mapping[TP, int]) -> None:
        """Open stores side by side, all at once: some may have to be fetched first, or ask who does not answer."""
        opening = [
            _in_thread(
                self._openers, self._keeper.open, number, {topic: starts[TP(topic, number)] for topic in self.topics}
            )
            for number in numbers
        ]
        opened = await asyncio.gather(*opening, return_exceptions=True)
        self.stores.update((n, store) for n, store in zip(numbers, opened, strict=True) if isinstance(store, Store))
        for problem in opened:
            if isinstance(problem, BaseException):
                raise problem

    @_fail_stop
    async def seek(self, consumer: ChunkConsumer) -> dict[TP, int]:
        """Have every open partition read from its store's offsets, in a new epoch.

        Raises:
            HistoryLost: a log starts after what a store needs next.
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

    @_fail_stop
    async def close(self, consumer: ChunkConsumer, *, for_good: bool = False) -> None:
        """Take a last checkpoint and close every store, whatever happens; leave snapshots for who opens them next."""
        frozen: list[Frozen | None] = []
        async with self._checkpointing, self._turn:
            self.has_assignment = False
            self._alignment.clear()
            try:
                if not self.failed and self.stores:
                    await self._finish(self._take(), consumer)
                    frozen = [await asyncio.to_thread(self._keeper.freeze, number) for number in self.stores]
            finally:
                stores, self.stores = self.stores, {}
                for store in stores.values():
                    store.close()
                worker_metrics.closed()
        await self._uploaded(frozen, _LAST_UPLOAD_SECONDS if for_good else _HANDOVER_SECONDS)
        if for_good:
            self._uploaders.shutdown(wait=False, cancel_futures=True)

    def not_ready(self) -> str | None:
        """Why this worker cannot be relied on yet; None when it can."""
        if self.failed:
            return f"stopping: {self.failed}"
        return None if self.has_assignment else "no partitions assigned yet"


def _in_thread(pool: ThreadPoolExecutor, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
    """As asyncio.to_thread, in a pool of ours: what is logged there names the process, too."""
    return asyncio.get_running_loop().run_in_executor(
        pool, functools.partial(contextvars.copy_context().run, step, *args, **kwargs)
    )
