"""Faust's transport with our consumer: positions come from the stores, and nothing is ever acknowledged to Faust.

`commit` does nothing, because Faust would commit what it delivered, whether it had an effect or not; the offsets of
the stores are mirrored to Kafka after each checkpoint instead.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP

from services.attribution.stream.fetch import Chunk, ChunkThread
from services.attribution.stream.membership import Membership
from services.kernel.errors import HistoryLost, InvariantBroken


class Assignments(Protocol):
    """Who holds the state of the assigned partitions."""

    @property
    def held_back(self) -> frozenset[TP]:
        """Partitions of which no more need be fetched for now."""

    async def open(self, assigned: set[TP], consumer: "ChunkConsumer") -> None:
        """Open the stores of these partitions."""

    async def seek(self, consumer: "ChunkConsumer") -> dict[TP, int]:
        """Have every open partition read from its store's offsets; returns them."""

    async def close(self, consumer: "ChunkConsumer", *, for_good: bool = False) -> None:
        """Take a last checkpoint and close all stores."""

    async def fail(self, problem: Exception) -> None:
        """Make nothing durable any more, and stop the worker."""


class MemberThread(ChunkThread):
    """Fetches chunks as a member of a group; knows by what id, and when its place was taken.

    Attributes:
        membership: of a static member, once this thread has started.
    """

    def __init__(self, consumer: "ChunkConsumer", assignments: Assignments, **options: Any) -> None:
        self.membership: Membership | None = None
        self._assignments = assignments
        super().__init__(consumer, **options)

    async def on_start(self) -> None:
        """Watch the coordinator, before there is a subscription to join for."""
        await super().on_start()
        if self.app.conf.consumer_group_instance_id is not None:
            coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - made by its start
            self.membership = Membership(coordinator, self._fail)

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> dict[TP, list[Chunk]]:
        try:
            return await super()._fetch_records(*args, **kwargs)
        except (HistoryLost, InvariantBroken) as problem:
            self._fail(problem)
            raise

    def held_back(self) -> frozenset[TP]:
        """Partitions of which enough is waiting."""
        return self._assignments.held_back

    def _fail(self, problem: Exception) -> None:
        """Stop the worker for this, whatever else Faust reports on its way down. Its loop runs in another thread."""
        asyncio.run_coroutine_threadsafe(self._assignments.fail(problem), self.parent_loop)


class ChunkConsumer(Consumer):
    """Opens stores when partitions come and closes them before they go.

    Args:
        assignments: holds the stores of the assigned partitions.
    """

    _thread: MemberThread

    def __init__(self, *args: Any, assignments: Assignments, **options: Any) -> None:
        self._assignments = assignments
        super().__init__(*args, **options)

    def _new_consumer_thread(self) -> MemberThread:
        return MemberThread(self, self._assignments, loop=self.loop, beacon=self.beacon)

    @property
    def thread_loop(self) -> asyncio.AbstractEventLoop:
        """Where its group is kept up with and fetched from."""
        loop: asyncio.AbstractEventLoop = self._thread.thread_loop
        return loop

    @property
    def member_id(self) -> str:
        """What the group calls, or last called, this static member; empty if it never was one."""
        membership = self._thread.membership
        return "" if membership is None else membership.member_id

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - Faust's signature
        """Nothing: see the module."""
        return False

    async def mirror(self, offsets: Mapping[TP, int]) -> bool:
        """Tell Kafka's group how far the stores are: a hint for lag and drain, never read back. False: it did not take
        it, as in a rebalance."""
        return bool(await self._commit(offsets))

    async def earliest(self, tps: list[TP]) -> dict[TP, int]:
        """Where the logs of these partitions start."""
        found = await self.earliest_offsets(*tps)
        return {TP(tp.topic, tp.partition): offset for tp, offset in found.items()}

    async def seek_all(self, positions: Mapping[TP, int], epoch: int) -> None:
        """Read on from these offsets, in this epoch."""
        await self._thread.seek_all(positions, epoch)

    async def seek_to_committed(self) -> dict[TP, int]:
        """Faust's word for: start where you should. That is where the stores are."""
        return await self._assignments.seek(self)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A chunk leaps over offsets by design."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Close the stores before others may open theirs."""
        await self._assignments.close(self)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Open the stores before Faust asks where to read; while stopping, none are opened any more."""
        if not self.app.should_stop:
            await self._assignments.open(assigned, self)
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        """The last checkpoint, while the producer still runs."""
        await self._assignments.close(self, for_good=True)
        await super().on_stop()
