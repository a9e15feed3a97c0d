"""A worker's partitions without a broker: what a cut-off, a lost place and a slow object store do to them."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, cast

import pytest
from faust.types import TP

from schemas.topics import BUYER_PARTITIONS, CLICKS
from services.attribution.apply.records import TouchRecord
from services.attribution.apply.touches import apply_touches
from services.attribution.snapshots import object_store
from services.attribution.state.store import Store
from services.attribution.stream.fetch import Chunk
from services.attribution.worker import app, threads
from services.attribution.worker import partitions as partitions_module
from services.attribution.worker.partitions import AssignedPartitions
from services.kernel.errors import InvariantBroken, PlaceTaken
from tests.kit.attribution_partitions import ASSIGNED, INPUTS, Group, Keeper, Outbox, partitions
from tests.kit.attribution_words import NOW, RULES, read_to, touch
from tests.reference.attribution_reference import LogRecord


class Stuck:
    """Never comes to its end: a pipeline in the middle of a chunk, or an outbox that waits for an acknowledgement."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def process(self, store: Store, chunk: Chunk) -> None:
        """The first chunk passes; every other one is cut off."""
        one = touch(f"t{chunk.first}")
        apply_touches(store.shard, [TouchRecord(LogRecord(chunk.first, NOW // 1000, "b_1", "", one), "b_1", one)])
        if chunk.first:
            self.reached.set()
            await asyncio.Future()

    async def publish_all(self, number: int, store: Store) -> None:
        del number, store
        self.reached.set()
        await asyncio.Future()

    def take_acknowledgements(self) -> list[Any]:
        self.reached.set()
        return [asyncio.get_running_loop().create_future()]


async def _cut_off(parts: AssignedPartitions, stuck: Stuck, step: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(step)
    await stuck.reached.wait()
    task.cancel()
    await asyncio.wait([task])
    parts._checkpoint_writer._outbox = cast("Any", Outbox())


def clicks(first: int, epoch: int = 0) -> Chunk:
    return Chunk(TP(CLICKS.name, 3), first, first + 1, epoch, [LogRecord(first, NOW // 1000, "b_1", "", touch())])


async def _closed_after_a_chunk_was_cut_off() -> tuple[dict[str, int], list[dict[TP, int]]]:
    group, stuck = Group(), Stuck()
    parts = partitions(pipeline=stuck)
    await parts.open(ASSIGNED, cast("Any", group))
    store = parts.stores[3]
    await parts.apply(clicks(0))
    await _cut_off(parts, stuck, parts.apply(clicks(1)))
    await parts.close(cast("Any", group), for_good=True)
    return dict(store.durable), group.mirrored


def test_a_chunk_that_was_cut_off_is_never_made_durable():
    durable, mirrored = asyncio.run(_closed_after_a_chunk_was_cut_off())
    assert durable == {}
    assert all(not offset for offsets in mirrored for offset in offsets.values())


async def _closed_after_a_checkpoint_was_cut_off() -> dict[str, int]:
    group, stuck = Group(), Stuck()
    parts = partitions(pipeline=stuck)
    await parts.open(ASSIGNED, cast("Any", group))
    store = parts.stores[3]
    await parts.apply(clicks(0))
    parts._checkpoint_writer._outbox = cast("Any", stuck)
    parts._checkpoint_writer._due.set()
    await _cut_off(parts, stuck, parts.checkpoint(cast("Any", group)))
    await parts.close(cast("Any", group), for_good=True)
    return dict(store.durable)


def test_after_a_checkpoint_was_cut_off_no_other_one_is_written():
    assert asyncio.run(_closed_after_a_checkpoint_was_cut_off()) == {}


async def _closed_after_publishing_all_was_cut_off() -> list[dict[bytes, bytes]]:
    group, keeper, stuck = Group(), Keeper(), Stuck()
    opened = keeper.open(3, dict.fromkeys(INPUTS, 0))
    read_to(opened, CLICKS.name, 7)
    opened.write(opened.take())
    before, keeper.rules = dict(keeper.rows[3]), RULES._replace(revision=2)
    parts = partitions(keeper, stuck)
    await _cut_off(parts, stuck, parts.open(ASSIGNED, cast("Any", group)))
    await parts.seek(cast("Any", group))
    with pytest.raises(InvariantBroken, match="was cut off"):
        await asyncio.wait_for(parts.apply(clicks(7, epoch=1)), 5)
    await parts.close(cast("Any", group), for_good=True)
    return [before, keeper.rows[3]]


def test_a_store_is_not_written_after_its_publication_under_a_new_policy_was_cut_off():
    before, after = asyncio.run(_closed_after_publishing_all_was_cut_off())
    assert before == after


async def _replaced() -> tuple[list[dict[TP, int]], dict[str, int], list[BaseException]]:
    group, crashes = Group(), cast("list[BaseException]", [])

    async def note(problem: BaseException) -> None:
        crashes.append(problem)

    parts = partitions(crash=note)
    await parts.open(ASSIGNED, cast("Any", group))
    store = parts.stores[3]
    read_to(store, CLICKS.name, 7)
    await parts.fail(PlaceTaken("attribution-1"))
    parts._checkpoint_writer._due.set()
    await parts.checkpoint(cast("Any", group))
    await parts.close(cast("Any", group), for_good=True)
    return group.mirrored, dict(store.durable), crashes


def test_a_worker_whose_place_was_taken_makes_nothing_durable_any_more():
    mirrored, durable, crashes = asyncio.run(_replaced())
    assert (mirrored, durable.get(CLICKS.name, 0)) == ([], 0)
    assert [type(problem) for problem in crashes] == [PlaceTaken]


ALL = {TP(topic, number) for topic in INPUTS for number in range(BUYER_PARTITIONS)}


class Unanswered(Keeper):
    """What it asks its object store for takes a while."""

    def __init__(self) -> None:
        super().__init__()
        self.answer, self.begun = threading.Event(), 0
        self.all_at_once = threading.Barrier(BUYER_PARTITIONS, timeout=60)

    def open(self, number: int, starts: dict[str, int]) -> Store:
        self.all_at_once.wait()
        return super().open(number, starts)

    def freeze(self, number: int) -> int:
        return number

    def upload(self, frozen: int) -> None:
        del frozen
        self.begun += 1
        self.answer.wait(5)


async def _opened(keeper: Keeper) -> AssignedPartitions:
    opened = partitions(keeper)
    await opened.open(ALL, cast("Any", Group()))
    return opened


def test_all_partitions_wait_for_a_silent_object_store_at_the_same_time():
    opened = asyncio.run(_opened(Unanswered()))
    assert len(opened.stores) == BUYER_PARTITIONS
    names_and_manifest = 2 * object_store.QUICK_SECONDS
    assert names_and_manifest < app._SESSION_SECONDS, "an assignment that outlasts the session comes again"


def test_a_stop_begins_no_more_uploads_after_its_time_is_over(monkeypatch):
    monkeypatch.setattr(partitions_module, "_LAST_UPLOAD_SECONDS", 0.1)

    async def stopped() -> int:
        keeper = Unanswered()
        opened = await _opened(keeper)
        await opened.close(cast("Any", Group()), for_good=True)
        keeper.answer.set()
        opened._keeper._uploaders.shutdown(wait=True)
        return keeper.begun

    assert asyncio.run(stopped()) == threads.UPLOADS_AT_ONCE
