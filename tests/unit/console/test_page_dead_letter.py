"""Refused events on pages: what a person reads of them, and what is sent again."""

import pytest

from schemas.reasons import Reason
from schemas.topics import ORDERS
from services.console import send_again
from services.console.pages.dead_letter import REMEDIES, letter_table, shown_bytes, shown_group, shown_value
from services.console.send_again import SentAgain, WantedLetters, send_letters_again
from services.console.shelf import BriefLetter, LetterGroup, LetterShelf
from services.console.tables import csv_lines
from services.kernel.errors import InputRefused, Stalled
from services.runtime.deadletters import DeadLetter, LogPosition, headers
from services.runtime.replay import Fate, Replay
from tests.unit.console.test_shelf import FakeLog

GROUP = WantedLetters(frozenset(), ORDERS.name, "unknown_order")


def brief(offset: int, **more: str | None) -> BriefLetter:
    source = LogPosition(ORDERS.name, 3, offset)
    fields = {"detail": "no order.paid came", "event_id": "e_1", "order_id": "o_1", "replayed": None, "replay_of": None}
    place = LogPosition(ORDERS.dlq, 0, offset)
    return BriefLetter(source, place, offset, more.pop("reason", "unknown_order"), **{**fields, **more})


def letter(offset: int, **more: str) -> DeadLetter:
    source = LogPosition(ORDERS.name, 3, offset)
    every = (*headers("unknown_order", "d", *source), *((name, text.encode()) for name, text in more.items()))
    return DeadLetter(source, "unknown_order", "d", b"b_1", b"{}", every)


def test_every_reason_has_words_and_says_what_to_do() -> None:
    assert set(REMEDIES) == set(Reason)
    shown = shown_group(LetterGroup(ORDERS.name, "too_late", [brief(n) for n in (5, 4, 3, 2)], 4))
    assert shown.meaning == "older than the log's watermark allows"
    assert shown.remedy[0] == "Nothing can be done"
    assert (shown.waiting, len(shown.newest)) == (4, 3)
    assert shown.href == "/dead-letters?topic=commerce.orders.v1&reason=too_late"


def test_bytes_of_an_event_are_shown_whatever_they_are() -> None:
    assert shown_value(b'{"b": 1, "a": "\xe8\xae\xa2"}') == '{\n  "b": 1,\n  "a": "订"\n}'
    assert shown_value(b'{"half": \xff\x00') == '{"half": \\xff\\u0000'
    assert shown_value("{\u202ex".encode()) == "{\\u202ex"
    assert shown_value(None) is None
    assert shown_bytes(b"\xff") == "\\xff"
    assert len(shown_value(b"x" * 300_000) or "") == 64 << 10
    assert shown_value(b"[" * 60_000) == "[" * 60_000


def test_a_list_of_letters_is_read_by_key() -> None:
    letters = [brief(number) for number in (4, 3, 2, 1)]
    table = letter_table("letters", "Refused events", letters)
    first = table.read(None, 3)
    assert [row[0].text for row in first.rows] == [str(one.source) for one in letters[:3]]
    assert [row[0].href for row in table.read(first.next_key, 3).rows] == ["/dead-letter/commerce.orders.v1/3/1"]
    assert len(list(csv_lines(table))) == 5


@pytest.mark.parametrize(
    ("found", "of_group", "by_name"),
    [
        (brief(1), True, True),
        (brief(1, replay_of="commerce.orders.v1/3/0"), False, True),
        (brief(1, replayed="commerce.orders.v1/3/9"), False, False),
        (brief(1, reason="too_late"), False, True),
        (brief(2), True, False),
    ],
)
def test_what_was_sent_again_before_is_sent_once_more_only_by_name(found, of_group, by_name) -> None:
    named = WantedLetters(frozenset({LogPosition(ORDERS.name, 3, 1)}), None, None)
    assert (GROUP.has(found), named.has(found)) == (of_group, by_name)


@pytest.fixture
def kafka(monkeypatch) -> list[DeadLetter]:
    """What lies in Kafka: three letters, of which one was sent again; returns what is published."""
    there, published = [letter(1), letter(2), letter(3, replayed="commerce.orders.v1/3/7")], []

    def publish(letters):
        published.extend(letters)
        return [Replay(one, LogPosition(ORDERS.name, 3, 100 + one.source.offset)) for one in letters]

    monkeypatch.setattr(send_again, "select", lambda *_, **__: there)
    monkeypatch.setattr(send_again, "send_again", publish)
    known = {LogPosition(ORDERS.name, 3, 101): Fate.ACCEPTED, LogPosition(ORDERS.name, 3, 102): Fate.REFUSED_AGAIN}
    monkeypatch.setattr(send_again, "fates", lambda *_: known)
    return published


def test_a_group_is_sent_again_and_each_event_has_its_fate(kafka) -> None:
    said: list[str] = []
    sent: SentAgain = send_letters_again(GROUP, 2, "ann", LetterShelf(FakeLog()))(said.append)
    assert [one.source.offset for one in kafka] == [1, 2]
    assert (sent.accepted, sent.refused_again, sent.on_its_way, sent.problem) == (1, 1, 0, None)
    assert [(source.offset, place.offset, fate) for source, place, fate in sent.fates] == [
        (1, 101, "accepted"), (2, 102, "refused_again")
    ]  # fmt: skip
    assert "2 events are being sent again." in said


def test_more_than_was_confirmed_is_not_sent(kafka) -> None:
    with pytest.raises(InputRefused, match="1 were confirmed and 2 are there now"):
        send_letters_again(GROUP, 1, "ann", LetterShelf(FakeLog()))(lambda _: None)
    assert kafka == []


@pytest.mark.usefixtures("kafka")
def test_kafka_lost_on_the_way_says_how_many_went(monkeypatch) -> None:
    def lose(_letters):
        raise ConnectionError("x was not sent again, after 1 that were")

    monkeypatch.setattr(send_again, "send_again", lose)
    with pytest.raises(Stalled, match="after 1 that were"):
        send_letters_again(GROUP, 2, "ann", LetterShelf(FakeLog()))(lambda _: None)


@pytest.mark.usefixtures("kafka")
def test_fates_that_nobody_tells_are_on_their_way(monkeypatch) -> None:
    def be_away(*_):
        raise ConnectionError("no broker answers")

    monkeypatch.setattr(send_again, "fates", be_away)
    sent: SentAgain = send_letters_again(GROUP, 2, "ann", LetterShelf(FakeLog()))(lambda _: None)
    assert (sent.on_its_way, sent.problem) == (2, "no broker answers")
