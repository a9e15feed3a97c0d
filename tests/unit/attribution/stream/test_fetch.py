"""What the consumer thread makes of a fetch, with aiokafka's part scripted."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from schemas.topics import CLICKS
from services.attribution.stream.fetch import Chunk, ChunkThread
from tests.reference.attribution_reference import LogRecord

AT = TP(CLICKS.name, 3)


class Assignment:
    """Of one generation of the group; aiokafka makes a new one at each rebalance."""

    def __init__(self, position: int) -> None:
        self.state = SimpleNamespace(has_valid_position=True, position=position, lso=1000)

    def state_value(self, _: Any) -> Any:
        return self.state


class Consumer:
    """aiokafka's, of which records are taken from where its assignment stands."""

    def __init__(self) -> None:
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=Assignment(0)))

    def assign(self, committed: int) -> None:
        self._subscription.subscription.assignment = Assignment(committed)

    def seek(self, _: Any, offset: int) -> None:
        self._subscription.subscription.assignment.state.position = offset

    def take(self, count: int) -> list[Any]:
        state = self._subscription.subscription.assignment.state
        first, state.position = state.position, state.position + count
        return [LogRecord(offset, 1, "b", "", None) for offset in range(first, first + count)]


@pytest.fixture
def thread(monkeypatch: pytest.MonkeyPatch) -> tuple[ChunkThread, Consumer]:
    consumer, made = Consumer(), object.__new__(ChunkThread)

    async def fetched(*_: Any) -> dict[TP, list[Any]]:
        return {AT: consumer.take(5)}

    monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", fetched)
    monkeypatch.setattr(AIOKafkaConsumerThread, "__init__", lambda *_: None)
    made.__init__()  # type: ignore[misc]  # without a loop and a thread
    monkeypatch.setattr(made, "_ensure_consumer", lambda: consumer)
    return made, consumer


def offsets(chunks: dict[TP, list[Chunk]]) -> list[tuple[int, int, int, list[int]]]:
    return [(c.epoch, c.first, c.next, [r.offset for r in c.records]) for [c] in chunks.values()]


@pytest.mark.parametrize("committed", [3, 9], ids=["behind", "ahead"])
def test_records_fetched_before_the_seek_to_the_stores_offsets_make_no_chunk(
    thread: tuple[ChunkThread, Consumer], committed: int
) -> None:
    """A rebalance gives a new assignment at the group's offset; who has the place again has positions of before."""
    made, consumer = thread

    async def run() -> list[Any]:
        await made._seek_all({AT: 0}, 1)
        first = offsets(await made._fetch_records(consumer, {AT}))
        consumer.assign(committed)
        between = offsets(await made._fetch_records(consumer, {AT}))
        await made._seek_all({AT: 5}, 2)
        return [first, between, offsets(await made._fetch_records(consumer, {AT}))]

    first, between, after = asyncio.run(run())
    assert first == [(1, 0, 5, [0, 1, 2, 3, 4])]
    assert between == []
    assert after == [(2, 5, 10, [5, 6, 7, 8, 9])]
