"""Refused events on pages: what a person reads of them, and what is sent again."""

import re

import pytest

from schemas.reasons import Reason
from schemas.topics import ORDERS
from services.console import send_again
from services.console.pages.dead_letter import (
    REMEDIES,
    letter_table,
    meaning_of,
    shown_bytes,
    shown_group,
    shown_value,
    unmended,
)
from services.console.send_again import SentAgain, WantedLetters, send_letters_again
from services.console.shelf import BriefLetter, LetterGroup, LetterShelf
from services.console.tables import csv_lines
from services.kernel.errors import InputRefused, Stalled, StartRefused
from services.runtime.deadletters import LogPosition
from services.runtime.replay import Fate, Refusal, Replay
from tests.unit.console.test_shelf import FakeLog

GROUP = WantedLetters(frozenset(), ORDERS.name, "unknown_order")


def brief(offset: int, **more: str | None) -> BriefLetter:
    source = LogPosition(ORDERS.name, 3, offset)
    fields = {"detail": "no order.paid came", "event_id": "e_1", "order_id": "o_1", "replayed": None, "replay_of": None}
    place = LogPosition(ORDERS.dlq, 0, offset)
    return BriefLetter(source, place, offset, more.pop("reason", "unknown_order"), **{**fields, **more})


def test_every_reason_has_words_and_says_what_to_do() -> None:
    assert set(REMEDIES) == set(Reason)
    shown = shown_group(LetterGroup(ORDERS.name, "too_late", [brief(n) for n in (5, 4, 3, 2)], 4))
    assert shown.meaning == "older than the log's watermark allows"
    assert shown.remedy[0] == "Nothing can be done"
    assert (shown.waiting, len(shown.newest)) == (4, 3)
    assert shown.href == "/dead-letters?topic=commerce.orders.v1&reason=too_late"


def test_bytes_of_an_event_are_shown_whatever_they_are() -> None:
    assert shown_value(b'{"b": 1, "a": "\xe8\xae\xa2"}') == '{\n  "b": 1,\n  "a": "订"\n}'
    assert shown_value(b'{"b": [], "a": [{}, [1], ""]}') == (
        '{\n  "b": [],\n  "a": [\n    {},\n    [\n      1\n    ],\n    ""\n  ]\n}'
    )
    assert shown_value(b'{"half": \xff\x00') == '{"half": \\xff\\u0000'
    assert shown_value("{\u202ex".encode()) == "{\\u202ex"
    assert shown_value(None) is None
    assert shown_bytes(b"\xff") == "\\xff"
    assert len(shown_value(b"x" * 300_000) or "") == 64 << 10
    assert shown_value(b"[" * 60_000) == "[" * 60_000


@pytest.mark.parametrize(
    "text",
    [
        '{"amount": 1.50, "amount": 2.50}', "[1e400, -0.0, 1E+2, 0.1000]", r'{"a": "\u0041\/ \"{,:\\"}',
        f"[{'9' * 5_000}]", r'{"order_id": "o_\ud800"}', "7", '{"\u202e": 1}', "[" * 30 + "1, 2" + "]" * 30,
        "[Infinity]",
    ],
)  # fmt: skip
def test_an_event_is_laid_out_and_says_what_it_said(text) -> None:
    """Read and written again, repeated names were gone, 1e400 was Infinity and 1.50 was 1.5."""
    shown = shown_value(text.encode()) or ""
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", text.replace("\u202e", r"\u202e"))
    shown.encode()


def test_an_event_that_is_nested_deeply_stays_small() -> None:
    assert len(shown_value(b"[" * 900 + b"[]," * 5_000 + b"1" + b"]" * 900) or "") < 500_000


def test_ids_that_turn_text_around_are_escaped_in_lists() -> None:
    found = brief(1, event_id="e\u202e1", order_id="o_\u202e1", replay_of="\u202e", replayed="\u202e")
    table = letter_table("letters", "Refused events", [found])
    assert "\u202e" not in "".join(csv_lines(table))
    assert table.read(None, 1).rows[0][5].href == "/order/o_%E2%80%AE1"


def test_reasons_that_sending_again_does_not_mend_are_named_once() -> None:
    letters = [brief(1), brief(2, reason="too_late"), brief(3, reason="invalid_field"), brief(4, reason="too_late")]
    assert [(meaning, remedy[0]) for meaning, remedy in unmended(letters)] == [
        (meaning_of("invalid_field"), "Mend and publish it again"), (meaning_of("too_late"), "Nothing can be done"),
    ]  # fmt: skip
    assert shown_group(LetterGroup(ORDERS.name, "too_late", letters, 4)).is_mended_elsewhere
    assert not shown_group(LetterGroup(ORDERS.name, "unknown_order", letters, 4)).is_mended_elsewhere


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


CONFIRMED = frozenset(LogPosition(ORDERS.name, 3, offset) for offset in (1, 2))


def refusal(offset: int, replayed: str | None = None) -> Refusal:
    return Refusal(
        LogPosition(ORDERS.name, 3, offset), LogPosition(ORDERS.dlq, 0, offset), "unknown_order", replayed, None, 2
    )


@pytest.fixture
def kafka(monkeypatch) -> list[Refusal]:
    """What lies in Kafka: three letters, of which one was sent again; returns what is published."""
    there, published = [refusal(1), refusal(2), refusal(3, "commerce.orders.v1/3/7")], []

    def publish(chosen):
        published.extend(chosen)
        return [Replay(one.source, LogPosition(ORDERS.name, 3, 100 + one.source.offset), 3) for one in chosen]

    monkeypatch.setattr(send_again, "refusals", lambda positions: [one for one in there if one.source in positions])
    monkeypatch.setattr(send_again, "send_again", publish)
    known = {LogPosition(ORDERS.name, 3, 101): Fate.ACCEPTED, LogPosition(ORDERS.name, 3, 102): Fate.REFUSED_AGAIN}
    monkeypatch.setattr(send_again, "fates", lambda *_: known)
    return published


def test_what_was_confirmed_is_sent_again_and_each_event_has_its_fate(kafka) -> None:
    said: list[str] = []
    sent: SentAgain = send_letters_again(CONFIRMED, "ann", LetterShelf(FakeLog()))(said.append)
    assert [one.source.offset for one in kafka] == [1, 2]
    assert (sent.accepted, sent.refused_again, sent.on_its_way, sent.problem) == (1, 1, 0, None)
    assert [(source.offset, place.offset, fate) for source, place, fate in sent.fates] == [
        (1, 101, "accepted"), (2, 102, "refused_again")
    ]  # fmt: skip
    assert "2 events are being sent again." in said


def test_what_somebody_else_has_sent_meanwhile_is_confirmed_anew(kafka) -> None:
    confirmed = CONFIRMED | {LogPosition(ORDERS.name, 3, 3)}
    with pytest.raises(InputRefused, match="3 were confirmed and 2 are there now"):
        send_letters_again(confirmed, "ann", LetterShelf(FakeLog()))(lambda _: None)
    assert kafka == []


@pytest.mark.usefixtures("kafka")
def test_kafka_lost_on_the_way_says_how_many_went(monkeypatch) -> None:
    def lose(_letters):
        raise ConnectionError("x was not sent again, after 1 that were")

    monkeypatch.setattr(send_again, "send_again", lose)
    with pytest.raises(Stalled, match="after 1 that were"):
        send_letters_again(CONFIRMED, "ann", LetterShelf(FakeLog()))(lambda _: None)


@pytest.mark.usefixtures("kafka")
@pytest.mark.parametrize(
    ("away", "says"),
    [
        (ConnectionError("no broker answers"), "no broker answers"),
        (StartRefused("topic x does not exist"), "topic x does not exist"),
        (ValueError("a secret of the code"), "What became of them could not be read. The log of the console says why."),
    ],
)
def test_fates_that_nobody_tells_are_on_their_way(away, says, monkeypatch) -> None:
    """The events were sent: nobody may read that as a failure and send them once more."""

    def be_away(*_):
        raise away

    monkeypatch.setattr(send_again, "fates", be_away)
    sent: SentAgain = send_letters_again(CONFIRMED, "ann", LetterShelf(FakeLog()))(lambda _: None)
    assert (sent.on_its_way, sent.problem) == (2, says)
