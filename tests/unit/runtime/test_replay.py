"""A replay that breaks in the middle: what was taken is marked, and nothing else is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from schemas.topics import ORDERS
from services.runtime import replay
from services.runtime.deadletters import DeadLetter, LogPosition


class Answer(NamedTuple):
    """What aiokafka's future returns."""

    topic: str
    partition: int
    offset: int


class Producer:
    """Takes records, except those that are told to fail: at once, or when their acknowledgement is awaited."""

    def __init__(self, at_once: bytes = b"", later: bytes = b"") -> None:
        self.at_once, self.later = at_once, later
        self.taken: list[tuple[str, bytes]] = []
        self.offsets: Counter[str] = Counter()

    async def send(self, topic: str, value: bytes, key: bytes, partition: int | None, headers: list[Any]) -> Any:
        del key, headers
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if value == self.at_once:
            raise MessageSizeTooLargeError
        if value == self.later:
            answer.set_exception(MessageSizeTooLargeError())
            return answer
        self.taken.append((topic, value))
        self.offsets[topic] += 1
        answer.set_result(Answer(topic, partition or 0, self.offsets[topic] - 1))
        return answer


def letters(*values: bytes) -> list[DeadLetter]:
    return [
        DeadLetter(LogPosition(ORDERS.name, 0, n), "too_late", "", b"k", value, ()) for n, value in enumerate(values)
    ]


def send(producer: Producer, monkeypatch: pytest.MonkeyPatch, *values: bytes) -> list[replay.Replay]:
    @asynccontextmanager
    async def connected(**_: object) -> AsyncIterator[Producer]:
        yield producer

    monkeypatch.setattr(replay, "producer", connected)
    return replay.send_again(letters(*values))


def test_every_event_is_sent_before_its_letter_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = Producer()
    sent = send(producer, monkeypatch, b"1", b"2")
    assert producer.taken == [(ORDERS.name, b"1"), (ORDERS.name, b"2"), (ORDERS.dlq, b"1"), (ORDERS.dlq, b"2")]
    assert [str(one.place) for one in sent] == [f"{ORDERS.name}/0/0", f"{ORDERS.name}/0/1"]


@pytest.mark.parametrize("how", ["at_once", "later"])
def test_the_event_that_was_not_taken_is_named_and_those_before_it_are_marked(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = Producer(**{how: b"2"})
    with pytest.raises(ConnectionError, match=rf"{ORDERS.name}/0/1 was not sent again, after 1 that were: .*TooLarge"):
        send(producer, monkeypatch, b"1", b"2", b"3")
    assert [value for topic, value in producer.taken if topic == ORDERS.dlq] == [b"1"]
