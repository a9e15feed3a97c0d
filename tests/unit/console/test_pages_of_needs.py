"""Pages about what needs a person, whole: calm books, Kafka away, markup in an event, and who may send again."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from schemas.topics import ORDERS
from services.console import keyset_rows, shelf, watch
from services.console.access.people import Person
from services.console.app import console_app
from services.console.pages import dead_letter, enter, health, home
from services.console.send_again import SentAgain
from services.console.tables import key_text
from services.runtime.database import PersonalLogin
from services.runtime.deadletters import DeadLetter, FoundLetter, LogPosition, headers
from tests.kit.waiting import until
from tests.unit.console.test_page_home import CALM, SOUND
from tests.unit.console.test_shelf import FakeLog

EVIL = "<script>alert(1)</script>"
SOURCE = LogPosition(ORDERS.name, 3, 7)
LETTER = DeadLetter(
    SOURCE, "invalid_field", EVIL, EVIL.encode(), f'{{"order_id": "{EVIL}"}}'.encode(),
    tuple(headers("invalid_field", EVIL, *SOURCE, [(EVIL, b"\xff")])),
)  # fmt: skip
FOUND = FoundLetter(LETTER, LogPosition(ORDERS.dlq, 0, 1), 1_000_000)
GROUP = "/dead-letters?topic=commerce.orders.v1&reason=invalid_field"
GROUP_AGAIN = "/dead-letters/again?topic=commerce.orders.v1&reason=invalid_field"
HERE = "/dead-letter/commerce.orders.v1/3/7"
AGAIN = "/dead-letters/again?position=commerce.orders.v1/3/7"


def found_at(offset: int, reason: str = "invalid_field") -> FoundLetter:
    """An event that was refused at a moment of its own."""
    source = SOURCE._replace(offset=offset)
    letter = LETTER._replace(source=source, reason=reason, headers=tuple(headers(reason, EVIL, *source)))
    return FoundLetter(letter, LogPosition(ORDERS.dlq, 0, offset), offset * 1_000_000)


@pytest.fixture
def books_watch() -> Iterator[dict[str, Callable[[], Any]]]:
    """How balances and seals are read; `wait_for_go` waits for the end of the test."""
    GO.clear()
    yield {"_read_balances": lambda: SOUND.value, "take": lambda: watch.SealCheck(1, 0)}
    GO.set()


GO = threading.Event()


def wait_for_go() -> None:
    assert GO.wait(20)


@pytest.fixture
def log(books_watch, monkeypatch) -> FakeLog:
    """Sound books in which nothing waits, and a log of refused events that is empty."""
    made = FakeLog()
    monkeypatch.setattr(shelf, "LetterLog", lambda _topics: made)
    monkeypatch.setattr(shelf, "FRESH_SECONDS", 0.0)
    for owner, name in ((watch, "_read_balances"), (watch._SealTurns, "take")):
        monkeypatch.setattr(owner, name, lambda *_, name=name: books_watch[name]())
    monkeypatch.setattr(watch, "_read_lag", list)
    for page in (home, health):
        monkeypatch.setattr(page, "reading", lambda _request: nullcontext(None))
        monkeypatch.setattr(page, "books_state", lambda _: CALM)
    monkeypatch.setattr(home, "_payouts", lambda _: home.WaitingPayouts([], 0, 0))
    monkeypatch.setattr(dead_letter, "letters_at", lambda places: dict.fromkeys(places, LETTER))
    return made


@pytest.fixture
def client(log, monkeypatch) -> TestClient:
    del log  # it stands for Kafka
    people = {name: Person(PersonalLogin(name, "x"), frozenset({role})) for name, role in (
        ("ann", "koc_operator"), ("eve", "koc_payer")
    )}  # fmt: skip
    monkeypatch.setattr(enter, "sign_in", lambda name, _password: people.get(name))
    app = console_app(create_engine("postgresql+psycopg://"), "127.0.0.1")
    return TestClient(app, base_url="http://127.0.0.1:8700")


def shown(client: TestClient, path: str, text: str) -> str:
    """The page, once it says this."""
    until(lambda: text in client.get(path).text, text, 20)
    return client.get(path).text


def test_nothing_to_do_looks_calm(client) -> None:
    page = shown(client, "/", "No refused event waits, and everything that was published has been read.")
    assert "Nothing in the books needs a person." in page
    assert 'class="need' not in page
    assert "As of" in page
    assert "Balances as of" in page
    assert "Everything is as it should be." in shown(client, "/health", "Everything is as it should be.")
    assert "No refused event waits for anybody." in shown(client, "/dead-letters", "No refused event waits")


def test_kafka_away_is_a_sentence_on_each_page(client, log) -> None:
    log.problem = ConnectionError("no Kafka broker answers at k:9092")
    for path in ("/", "/dead-letters"):
        assert client.get(path).status_code == 200
        assert "cannot be read" in shown(client, path, "no Kafka broker answers at k:9092")


CALM_WORDS = ("Everything is as it should be.", "Nothing in the books needs a person.", "No refused event waits")


@pytest.mark.parametrize("slow", ["_read_balances", "take"])
def test_checks_that_are_not_read_yet_are_no_good_news(client, books_watch, slow) -> None:
    """Both pages said that all was well before the trial balance had been looked at."""
    books_watch[slow] = wait_for_go
    for path, part, says in (
        ("/", "/?part=books", "Balances and seals are being read."),
        ("/health", "/health?part=ready", "Some checks are still being read"),
    ):
        page = shown(client, path, says)
        assert 'hx-get="' + part in page
        assert not any(calm in page for calm in CALM_WORDS[:2])
    assert client.get("/health?part=ready").status_code == 204


@pytest.mark.parametrize("broken", ["_read_balances", "take"])
def test_checks_that_cannot_be_read_are_no_good_news(client, books_watch, broken) -> None:
    def fail():
        raise OperationalError("SELECT", {}, Exception("gone"))

    books_watch[broken] = fail
    for path in ("/", "/health"):
        page = shown(client, path, "The database does not answer.")
        assert not any(calm in page for calm in CALM_WORDS[:2])
    assert "hx-refresh" in client.get("/health?part=ready").headers
    assert 'class="state wait">not known' in client.get("/health").text


def test_what_was_known_on_friday_is_not_told_on_monday(client, log, monkeypatch) -> None:
    page = shown(client, "/", CALM_WORDS[2])
    later = time.monotonic() + 3 * 86_400
    readings = client.app._app._app.state.console
    for reading in (readings.shelf.reading, readings.watch.lag):
        monkeypatch.setattr(reading, "_clock", lambda: later)
    go = threading.Event()
    log.read_on = lambda: go.wait(20) and iter([FOUND])
    page = client.get("/").text
    assert CALM_WORDS[2] not in page
    assert "Refused events and lag are being read from Kafka." in page
    go.set()
    assert "1, in 1 groups" in shown(client, "/", "Refused events that nobody has sent again")


def test_events_that_a_console_keeps_no_more_are_no_good_news(client, log, monkeypatch) -> None:
    monkeypatch.setattr(shelf, "MOST_LETTERS", 0)
    log.fresh = [FOUND]
    page = shown(client, "/", "0, in 0 groups; 1 older ones are not counted here")
    assert CALM_WORDS[2] not in page
    assert CALM_WORDS[2] not in shown(client, "/dead-letters", "1 older ones are not shown here")
    page = shown(client, "/dead-letters?topic=commerce.orders.v1&reason=invalid_field", "1 older ones are not shown")
    assert CALM_WORDS[2] not in page


def test_what_an_event_holds_is_shown_and_never_run(client, log) -> None:
    log.fresh = [FOUND]
    for path in ("/dead-letters", HERE, AGAIN, "/dead-letters?topic=commerce.orders.v1&reason=invalid_field"):
        page = shown(client, path, "&lt;script&gt;alert(1)&lt;/script&gt;")
        assert EVIL not in page
    assert "\\xff" in client.get(HERE).text
    assert '/order/%3Cscript%3Ealert%281%29%3C%2Fscript%3E"' in client.get(HERE).text


def test_only_an_operator_is_offered_to_send_again_and_reads_how_many(client, log) -> None:
    log.fresh = [FOUND]
    assert "Sign in to send them" in shown(client, AGAIN, "Send 1 event again?")
    for name, says in (
        ("eve", "Only people in the role koc_operator may do this."),
        ("ann", "Send this 1 event again"),
    ):
        sign_in(client, name)
        assert says in client.get(AGAIN).text


def sign_in(client: TestClient, name: str) -> None:
    post(client, "/enter", name=name, password="x")


def post(client: TestClient, path: str, **fields: str) -> Response:
    """The page that a form leads to."""
    token = re.search(r'form_token" value="(\w+)"', client.get("/enter").text)[1]
    return client.post(path, data={"form_token": token, **fields})


def test_a_lone_surrogate_or_a_sign_that_turns_text_around_breaks_no_page(client, log, monkeypatch) -> None:
    """One such event made every page of refused events fail."""
    value = '{"event_id": "e_\u202e", "order_id": "o_\\ud800", "note": "\u202e"}'.encode()
    letter = LETTER._replace(
        value=value, detail="d_\u202e", headers=tuple(headers("invalid_field", "d_\u202e", *SOURCE))
    )
    log.fresh = [FOUND._replace(letter=letter)]
    monkeypatch.setattr(dead_letter, "letters_at", lambda places: dict.fromkeys(places, letter))
    shown(client, "/dead-letters", "o_\\ud800")
    for path in ("/dead-letters", HERE, AGAIN, GROUP, "/dead-letters?csv=letters"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "\u202e" not in answer.text
        assert {"o_\\ud800", "d_\\u202e"} <= set(re.findall(r"\b[od]_[\\\w]+", answer.text))
        assert path == "/dead-letters" or "e_\\u202e" in answer.text


def test_a_link_to_an_event_waits_for_the_first_reading(client, log) -> None:
    """After a restart it was said not to be refused."""
    go = threading.Event()
    log.read_on = lambda: go.wait(20) and iter([FOUND])
    answer = client.get(HERE)
    assert answer.status_code == 503
    assert "Refused events are being read from Kafka." in answer.text
    assert 'hx-get="/dead-letters?part=ready"' in answer.text
    assert "No refused event waits" not in client.get(GROUP).text
    assert "None of them waits" not in client.get(AGAIN).text
    go.set()
    until(lambda: client.get(HERE).status_code == 200, "the event")


def test_a_link_to_an_event_while_kafka_is_away_is_not_a_missing_page(client, log) -> None:
    log.problem = ConnectionError("no Kafka broker answers at k:9092")
    assert "no Kafka broker answers at k:9092" in shown(client, HERE, "Kafka cannot be read")
    assert client.get(HERE).status_code == 503


def test_a_link_to_an_event_that_made_room_is_read_from_kafka(client, log, monkeypatch) -> None:
    monkeypatch.setattr(shelf, "MOST_LETTERS", 0)
    monkeypatch.setattr(shelf, "first_letters", lambda positions: [FOUND] if SOURCE in positions else [])
    log.fresh = [FOUND]
    shown(client, "/dead-letters", "1 older ones are not shown here")
    assert client.get(HERE).status_code == 200
    assert client.get(HERE.replace("/7", "/8")).status_code == 404
    assert "Send 1 event again?" in client.get(AGAIN).text

    def be_away(**_):
        raise ConnectionError("no Kafka broker answers")

    monkeypatch.setattr(shelf, "first_letters", be_away)
    assert client.get(HERE).status_code == 503


@pytest.fixture
def sent(monkeypatch) -> list:
    """What an operator has sent again."""
    made = []

    def send(chosen, *_):
        made.append(chosen)
        return lambda _: SentAgain([], 0, 0, 0, None)

    monkeypatch.setattr(dead_letter, "send_letters_again", send)
    return made


def test_a_group_is_sent_as_it_was_confirmed(client, log, sent, monkeypatch) -> None:
    monkeypatch.setattr(shelf, "MOST_LETTERS", 2)
    log.fresh = [found_at(offset) for offset in (7, 8, 9)]
    page = shown(client, GROUP_AGAIN, "Send 2 events again?")
    assert 'name="confirmed" value="2"' in page
    sign_in(client, "ann")
    fields = {"topic": ORDERS.name, "reason": "invalid_field"}
    for confirmed, says in (("3", "3 were confirmed and 2 are there now"), ("x", "does not say how many")):
        assert says in post(client, "/dead-letters/again", confirmed=confirmed, back=GROUP_AGAIN, **fields).text
    assert sent == []
    assert "are being sent again" in post(client, "/dead-letters/again", confirmed="2", **fields).text
    assert sent == [{SOURCE._replace(offset=8), SOURCE._replace(offset=9)}]


def test_nothing_is_sent_before_refused_events_are_read(client, log, sent) -> None:
    log.problem = ConnectionError("no Kafka broker answers")
    sign_in(client, "ann")
    fields = {"topic": ORDERS.name, "reason": "invalid_field", "confirmed": "1"}
    answer = post(client, "/dead-letters/again", back="/dead-letters", **fields)
    assert "nothing was sent, try again in a moment" in answer.text
    assert sent == []


def test_events_that_are_named_are_looked_for_in_kafka_alone(client, log, sent) -> None:
    log.problem = ConnectionError("no Kafka broker answers")
    sign_in(client, "ann")
    answer = post(client, "/dead-letters/again", confirmed="2", position=str(SOURCE), back="/dead-letters")
    assert "2 were confirmed and 1 are there now" in answer.text
    assert sent == []
    post(client, "/dead-letters/again", confirmed="1", position=str(SOURCE))
    assert sent == [{SOURCE}]


def test_a_file_of_what_is_not_known_is_not_given(client, log) -> None:
    """It was empty, as if no event had been refused."""
    log.problem = ConnectionError("no Kafka broker answers at k:9092")
    for path in ("/dead-letters?csv=letters", f"{GROUP}&csv=letters", f"{AGAIN}&csv=letters"):
        shown(client, path, "no Kafka broker answers at k:9092")
        assert client.get(path).status_code == 503
    log.problem = None
    until(lambda: client.get("/dead-letters?csv=letters").status_code == 200, "the file")


def test_it_is_said_that_sending_again_mends_nothing(client, log) -> None:
    log.fresh = [found_at(1, "in_future"), found_at(2, "invalid_field")]
    warning = "Sending again does not change these events."
    assert warning in shown(client, GROUP_AGAIN, "Send 1 event again?")
    assert "corrects the field that the detail names" in client.get(GROUP_AGAIN).text
    assert warning not in shown(client, GROUP_AGAIN.replace("invalid_field", "in_future"), "Send 1 event again?")
    page = client.get("/dead-letters").text
    assert "Send 1 again unchanged …" in page
    assert "Send 1 again …" in page
    pages = [client.get(f"/dead-letter/commerce.orders.v1/3/{offset}").text for offset in (1, 2)]
    assert ["Send it again unchanged …" in page for page in pages] == [False, True]


def test_an_event_that_was_never_refused_is_not_found(client) -> None:
    shown(client, "/dead-letters", "No refused event waits")
    for path in (HERE, "/dead-letter/somewhere/3/7", "/dead-letters/sent/1"):
        assert client.get(path).status_code == 404
    assert client.get("/dead-letters/again").status_code == 400
    assert client.get("/health/moon").status_code == 404


@pytest.mark.parametrize(
    "key",
    [(), (1,), (1, "o", "l", "b"), (10**18, "o", "l", 0), (1, "o", "l", -1), ("o", "l", 1, 1), (1, "\ud800", "l", 0)],
)
def test_a_key_that_somebody_made_up_is_refused(client, monkeypatch, key) -> None:
    """Such an address made the page fail."""
    monkeypatch.setattr(keyset_rows, "reading", lambda _request: nullcontext(SimpleNamespace(execute=None)))
    answer = client.get(f"/health/unpriced?after-lines={key_text(key)}")
    assert answer.status_code == 400
    assert "this is no place in the table" in answer.text


def test_a_table_that_is_not_there_yet_is_no_failure_of_the_page(client) -> None:
    assert client.get("/dead-letters?csv=moon").status_code == 404
