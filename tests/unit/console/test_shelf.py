"""The shelf of refused events: each once, marked when it is sent again, bounded, and grouped by topic and reason."""

from collections.abc import Iterable

import pytest

from schemas.topics import CLICKS, ORDERS
from services.console import shelf as shelf_module
from services.console.shelf import LetterShelf, ShelfContents
from services.runtime.deadletters import DeadLetter, FoundLetter, LogPosition, headers
from tests.kit.waiting import until


class FakeLog:
    """Gives what was put into it since the last reading."""

    def __init__(self) -> None:
        self.beginnings, self.fresh, self.problem = 0, [], None

    def read_on(self) -> Iterable[FoundLetter]:
        if self.problem is not None:
            raise self.problem
        given, self.fresh = self.fresh, []
        yield from given


def refused(offset: int, reason: str = "unknown_order", topic: str = ORDERS.name, **more: str) -> FoundLetter:
    source = LogPosition(topic, 3, offset)
    every = (*headers(reason, "a detail", *source), *((name, text.encode()) for name, text in more.items()))
    letter = DeadLetter(source, reason, "a detail", b"b_1", b'{"event_id": "e_1", "order_id": "o_1"}', every)
    return FoundLetter(letter, LogPosition(f"{topic}.dlq", 0, offset), offset * 1_000)


def contents(shelf: LetterShelf) -> ShelfContents:
    """What a page would show; each look begins a new reading where none is under way."""
    found = shelf.reading.look(10).value
    assert found is not None
    return found


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def shelf(log, monkeypatch) -> LetterShelf:
    monkeypatch.setattr(shelf_module, "FRESH_SECONDS", 0.0)
    return LetterShelf(log)


def offsets(letters) -> list[int]:
    return [letter.source.offset for letter in letters]


def test_what_came_since_is_added_and_the_newest_come_first(log, shelf) -> None:
    log.fresh = [refused(1), refused(2)]
    until(lambda: offsets(contents(shelf).waiting) == [2, 1], "two letters")
    log.fresh = [refused(3), refused(1)]
    until(lambda: offsets(contents(shelf).waiting) == [3, 2, 1], "one more, and none twice")
    [brief] = shelf.find([LogPosition(ORDERS.name, 3, 3)])
    assert (brief.event_id, brief.order_id, brief.reason, brief.at) == ("e_1", "o_1", "unknown_order", 3_000)
    assert brief.place == LogPosition(ORDERS.dlq, 0, 3)
    assert shelf.find([LogPosition(ORDERS.name, 3, 4)]) == []


def test_a_letter_that_was_sent_again_waits_no_more(log, shelf) -> None:
    log.fresh = [refused(1), refused(2), refused(1, replayed="commerce.orders.v1/3/9")]
    until(lambda: offsets(contents(shelf).waiting) == [2], "one that waits")
    assert [(one.source.offset, one.replayed) for one in contents(shelf).replayed] == [(1, "commerce.orders.v1/3/9")]


def test_groups_are_by_topic_and_reason_and_say_what_came_of_sending_again(log, shelf) -> None:
    log.fresh = [
        refused(1), refused(2, koc_replay_of="commerce.orders.v1/3/1"), refused(3, "too_late"),
        refused(4, topic=CLICKS.name),
    ]  # fmt: skip
    until(lambda: len(contents(shelf).waiting) == 4, "four letters")
    groups = contents(shelf).groups()
    assert [(one.topic, one.reason, offsets(one.letters), one.first_tries) for one in groups] == [
        (CLICKS.name, "unknown_order", [4], 1), (ORDERS.name, "too_late", [3], 1),
        (ORDERS.name, "unknown_order", [2, 1], 1),
    ]  # fmt: skip
    assert contents(shelf).group(ORDERS.name, "in_future").letters == []


def test_those_that_were_refused_first_make_room_in_whatever_order_they_are_read(log, shelf, monkeypatch) -> None:
    monkeypatch.setattr(shelf_module, "MOST_LETTERS", 2)
    log.fresh = [refused(3), refused(2), refused(1)]
    until(lambda: offsets(contents(shelf).waiting) == [3, 2], "two letters")
    assert contents(shelf).dropped == 1
    log.fresh = [refused(4)]
    until(lambda: offsets(contents(shelf).waiting) == [4, 3], "a newer one")
    assert contents(shelf).dropped == 2


def test_room_is_made_during_a_reading_too(log, shelf, monkeypatch) -> None:
    monkeypatch.setattr(shelf_module, "MOST_LETTERS", 2)
    monkeypatch.setattr(shelf_module, "_ROOM", 1)
    held = []

    def read():
        for number in (5, 4, 3, 2, 1):
            yield refused(number)
            held.append(len(shelf._letters))

    log.read_on = read
    assert offsets(contents(shelf).waiting) == [5, 4]
    assert (max(held), shelf.reading.look().value.dropped) == (3, 3)


def test_a_letter_that_made_room_is_searched_for_and_others_are_not(log, shelf, monkeypatch) -> None:
    asked = []

    def search(positions):
        asked.append(positions)
        yield from (one for one in (refused(1), refused(1, replayed="x/3/9")) if one.letter.source in positions)

    monkeypatch.setattr(shelf_module, "first_letters", search)
    gone, here, never = (LogPosition(ORDERS.name, 3, offset) for offset in (1, 2, 9))
    log.fresh = [refused(1), refused(2)]
    until(lambda: len(contents(shelf).waiting) == 2, "two letters")
    assert offsets(shelf.find([gone, never])) == [1]
    assert asked == [], "the shelf has all that there are"
    monkeypatch.setattr(shelf_module, "MOST_LETTERS", 1)
    until(lambda: contents(shelf).dropped == 1, "one makes room")
    assert [(one.source, one.replayed) for one in shelf.find([gone, here, never])] == [(here, None), (gone, "x/3/9")]
    assert asked == [{gone, never}]


def test_an_id_that_is_no_text_has_an_escape_in_its_place(log, shelf) -> None:
    """A lone surrogate is valid JSON, and neither an address nor a page can hold it."""
    found = refused(1)
    log.fresh = [
        found._replace(letter=found.letter._replace(value=b'{"event_id": "e\\udfff", "order_id": "o_\\ud800"}'))
    ]
    [brief] = contents(shelf).waiting
    assert (brief.event_id, brief.order_id) == ("e\\udfff", "o_\\ud800")


def test_a_log_that_begins_anew_empties_the_shelf(log, shelf) -> None:
    log.fresh = [refused(1), refused(2)]
    until(lambda: len(contents(shelf).waiting) == 2, "two letters")
    log.beginnings, log.fresh = 1, [refused(1)]
    until(lambda: offsets(contents(shelf).waiting) == [1], "what the new log has")
    log.beginnings = 2
    until(lambda: contents(shelf).waiting == [], "an empty log")


def test_kafka_away_leaves_what_is_known(log, shelf) -> None:
    log.fresh = [refused(1)]
    until(lambda: offsets(contents(shelf).waiting) == [1], "a letter")
    log.problem = ConnectionError("no Kafka broker answers at x")
    until(lambda: shelf.reading.look().problem == "no Kafka broker answers at x", "the problem")
    assert offsets(shelf.reading.look().value.waiting) == [1]
