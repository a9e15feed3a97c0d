"""Faust's consumer, changed: positions come from the stores, and nothing is ever acknowledged to Faust.

`commit` does nothing, because Faust would commit delivered offsets, whether the events had an effect or not. The
offsets of the stores are mirrored to Kafka after each checkpoint instead.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP

from services.attribution.stream.fetch import Chunk, ChunkThread
from services.attribution.stream.membership import Membership
from services.kernel.errors import HistoryLost, InvariantBroken

_LOOK_SECONDS = 1.0


class Assignments(Protocol):
    """The holder of the state of the assigned partitions."""

    @property
    def held_back(self) -> frozenset[TP]:
        """Partitions that need no further records for now."""

    async def open(self, assigned: set[TP], consumer: "ChunkConsumer") -> None:
        """Open the stores of these partitions."""

    async def seek(self, consumer: "ChunkConsumer") -> dict[TP, int]:
        """Seek every open partition to its store's offsets. Returns the offsets."""

    async def close(self, consumer: "ChunkConsumer", *, for_good: bool = False) -> None:
        """Take a last checkpoint and close all stores."""

    async def fail(self, problem: Exception) -> None:
        """Stop the worker; from now on nothing becomes durable."""


class MemberThread(ChunkThread):
    """Fetches chunks as a member of a group, and watches its membership.

    Attributes:
        membership: None before the thread has started, or without an instance id.
    """

    def __init__(self, consumer: "ChunkConsumer", assignments: Assignments, **options: Any) -> None:
        self.membership: Membership | None = None
        self._assignments = assignments
        super().__init__(consumer, **options)

    async def on_start(self) -> None:
        """Watch the coordinator, before there is a subscription that it joins the group for."""
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - made by its start
        if self.app.conf.consumer_group_instance_id is not None:
            self.membership = Membership(coordinator, self._fail)
        self.add_future(self._watch_for_errors(coordinator))

    async def _watch_for_errors(self, coordinator: Any) -> None:
        """Stop the worker for an answer of the group that aiokafka did not expect.

        aiokafka's coordinator waits until somebody asks it for this error. Faust never asks: the worker would have no
        partitions for ever.
        """
        while not self.should_stop:
            try:
                coordinator.check_errors()
            except KafkaError as problem:
                self._fail(ConnectionError(f"the group of the workers does not go on: {problem}"))
                return
            await self.sleep(_LOOK_SECONDS)

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> dict[TP, list[Chunk]]:
        try:
            return await super()._fetch_records(*args, **kwargs)
        except (HistoryLost, InvariantBroken) as problem:
            self._fail(problem)
            raise

    def held_back(self) -> frozenset[TP]:
        """Partitions with enough waiting records."""
        return self._assignments.held_back

    def _fail(self, problem: Exception) -> None:
        """Stop the worker for this problem, whatever else Faust reports. The worker's loop runs in another thread."""
        asyncio.run_coroutine_threadsafe(self._assignments.fail(problem), self.parent_loop)


class ChunkConsumer(Consumer):
    """Has the stores opened when partitions are assigned, and closed before they are revoked.

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
        """The loop of the thread that fetches and that talks to the group."""
        loop: asyncio.AbstractEventLoop = self._thread.thread_loop
        return loop

    @property
    def member_id(self) -> str:
        """The group's current or last id of this static member; empty if it never was a static member."""
        membership = self._thread.membership
        return "" if membership is None else membership.member_id

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - Faust's signature
        """Do nothing; see the module."""
        return False

    async def mirror(self, offsets: Mapping[TP, int]) -> bool:
        """Commit the stores' offsets to Kafka's group: a hint for lag and drain, never read back.

        Returns False if the group did not take them, as in a rebalance.
        """
        return bool(await self._commit(offsets))

    async def earliest(self, tps: list[TP]) -> dict[TP, int]:
        """The first offsets of the logs of these partitions."""
        found = await self.earliest_offsets(*tps)
        return {TP(tp.topic, tp.partition): offset for tp, offset in found.items()}

    async def seek_all(self, positions: Mapping[TP, int], epoch: int) -> None:
        """Read from these offsets on, in this epoch."""
        await self._thread.seek_all(positions, epoch)

    async def seek_to_committed(self) -> dict[TP, int]:
        """Seek to the stores' offsets: Faust calls this method to begin at the right place."""
        return await self._assignments.seek(self)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: a chunk skips offsets by design."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Close the stores before other workers may open theirs."""
        await self._assignments.close(self)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Open the stores before Faust asks for positions; a stopping worker opens none."""
        if not self.app.should_stop:
            await self._assignments.open(assigned, self)
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        """The last checkpoint, while the producer still runs."""
        await self._assignments.close(self, for_good=True)
        await super().on_stop()
