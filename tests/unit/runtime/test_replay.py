"""A replay: how much of it is in memory, what is marked if it breaks in the middle, and what became of its events."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, NamedTuple

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from schemas.topics import CLICKS, ORDERS
from services.runtime import deadletters, replay
from services.runtime.deadletters import DeadLetter, FoundLetter, LogPosition
from services.runtime.replay import Fate, Refusal, Replay


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


def send(producer: Producer, monkeypatch: pytest.MonkeyPatch, *values: bytes) -> list[Replay]:
    @asynccontextmanager
    async def connected(**_: object) -> AsyncIterator[Producer]:
        yield producer

    monkeypatch.setattr(replay, "producer", connected)
    kept = {at(number): letter for number, letter in enumerate(letters(*values))}
    monkeypatch.setattr(replay, "letters_at", lambda places: {one: kept[one] for one in places if one in kept})
    return replay.send_again([refusal(number, len(value)) for number, value in enumerate(values)])


def at(number: int) -> LogPosition:
    """Where a letter lies."""
    return LogPosition(ORDERS.dlq, 0, number)


def refusal(number: int, size: int) -> Refusal:
    return Refusal(LogPosition(ORDERS.name, 0, number), at(number), "too_late", None, None, size)


def test_every_event_is_sent_before_its_letter_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = Producer()
    sent = send(producer, monkeypatch, b"1", b"2")
    assert producer.taken == [(ORDERS.name, b"1"), (ORDERS.name, b"2"), (ORDERS.dlq, b"1"), (ORDERS.dlq, b"2")]
    assert [str(one.source) for one in sent] == [f"{ORDERS.name}/0/0", f"{ORDERS.name}/0/1"]
    assert [str(one.place) for one in sent] == [f"{ORDERS.name}/0/0", f"{ORDERS.name}/0/1"]


@pytest.mark.parametrize("how", ["at_once", "later"])
def test_the_event_that_was_not_taken_is_named_and_those_before_it_are_marked(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = Producer(**{how: b"2"})
    with pytest.raises(ConnectionError, match=rf"{ORDERS.name}/0/1 was not sent again, after 1 that were: .*TooLarge"):
        send(producer, monkeypatch, b"1", b"2", b"3")
    assert [value for topic, value in producer.taken if topic == ORDERS.dlq] == [b"1"]


def test_letters_are_read_a_part_at_a_time_in_the_order_of_their_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_READ_BYTES", 5)
    monkeypatch.setattr(replay, "_READ_AT_ONCE", 3)
    parts = replay._parts([refusal(number, size) for number, size in enumerate([2, 3, 1, 9, 0, 0, 0, 0])])
    assert [[one.source.offset for one in part] for part in parts] == [[0, 1], [2], [3], [4, 5, 6], [7]]
    producer = Producer()
    send(producer, monkeypatch, b"111", b"222", b"333")
    orders = [ORDERS.name, ORDERS.dlq]
    assert producer.taken == [(topic, value) for value in (b"111", b"222", b"333") for topic in orders]


def test_a_letter_that_is_kept_no_more_says_how_many_went(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_READ_BYTES", 1)
    producer = Producer()
    assert len(send(producer, monkeypatch, b"1")) == 1
    with pytest.raises(ConnectionError, match=f"{ORDERS.name}/0/7 is kept no more, after 1 that were sent again"):
        replay.send_again([refusal(0, 1), refusal(7, 1)])

    def lose(_places: object) -> None:
        raise ConnectionError("no broker answers")

    monkeypatch.setattr(replay, "letters_at", lose)
    with pytest.raises(ConnectionError, match="/0/0 was not read, after 0 that were sent again: no broker answers"):
        replay.send_again([refusal(0, 1)])


class Log:
    """Stands for the dead-letter topics; each letter is there once it is asked for, and never kept."""

    found: ClassVar[list[FoundLetter]] = []
    topics: ClassVar[list[str]] = []

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics[:] = topics

    def read_on(self) -> Iterator[FoundLetter]:
        yield from self.found


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> type[Log]:
    for module in (replay, deadletters):
        monkeypatch.setattr(module, "LetterLog", Log)
    return Log


def buried(
    offset: int, reason: str = "too_late", value: bytes = b"{}", topic: str = ORDERS.name, **more: bytes
) -> FoundLetter:
    source = LogPosition(topic, 0, offset)
    letter = DeadLetter(source, reason, "", b"k", value, tuple(more.items()))
    return FoundLetter(letter, LogPosition(f"{topic}.dlq", 1, len(Log.found)), 1)


def test_a_refusal_is_the_first_letter_of_its_event_with_the_mark_that_came_later(log: type[Log]) -> None:
    log.found = [
        buried(1, value=b"{...}"), buried(2, "unknown_line"), buried(1, "too_many"), buried(2, "too_many"),
        buried(1, value=b"{...}", replayed=b"there"), buried(1, "too_many"),
    ]  # fmt: skip
    one = LogPosition(ORDERS.name, 0, 1)
    found = replay.refusals()
    assert [(one.source.offset, one.reason, one.replayed, one.size) for one in found] == [
        (1, "too_late", "there", 5), (2, "unknown_line", None, 2)
    ]  # fmt: skip
    assert [one.reason for one in replay.refusals(positions=[one])] == ["too_late"]
    assert log.topics == [ORDERS.dlq]
    assert replay.refusals(reasons=["too_many"]) == []
    assert [one.source.offset for one in replay.refusals(reasons=["too_many", "unknown_line"])] == [2]


def test_fates_are_read_without_keeping_letters(log: type[Log], monkeypatch: pytest.MonkeyPatch) -> None:
    places = [LogPosition(ORDERS.name, 0, offset) for offset in (11, 12, 13, 14)]
    read = {(ORDERS.name, 0): 14}
    monkeypatch.setattr(replay, "_read_positions", lambda *_: read)
    rerouted = buried(500, koc_rerouted=str(places[2]).encode())
    log.found = [buried(3), buried(12), rerouted, buried(14, topic=CLICKS.name)]
    replays = [Replay(LogPosition(ORDERS.name, 0, n), place, 0) for n, place in enumerate(places)]
    assert replay.fates(replays, {ORDERS.name: "group"}, 0, lambda _: None) == dict(
        zip(places, [Fate.ACCEPTED, Fate.REFUSED_AGAIN, Fate.REFUSED_AGAIN, Fate.ON_ITS_WAY], strict=True)
    )
    assert log.topics == [ORDERS.dlq]
