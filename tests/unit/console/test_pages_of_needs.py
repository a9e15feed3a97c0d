"""Pages about what needs a person, whole: calm books, Kafka away, markup in an event, and who may send again."""

import re
from contextlib import nullcontext

import pytest
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from schemas.topics import ORDERS
from services.console import shelf, watch
from services.console.access.people import Person
from services.console.app import console_app
from services.console.pages import dead_letter, enter, health, home
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
HERE = "/dead-letter/commerce.orders.v1/3/7"
AGAIN = "/dead-letters/again?position=commerce.orders.v1/3/7"


@pytest.fixture
def log(monkeypatch) -> FakeLog:
    """Sound books in which nothing waits, and a log of refused events that is empty."""
    made = FakeLog()
    monkeypatch.setattr(shelf, "LetterLog", lambda _topics: made)
    monkeypatch.setattr(shelf, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(watch, "_read_balances", lambda: SOUND.value)
    monkeypatch.setattr(watch, "_read_lag", list)
    monkeypatch.setattr(watch._SealTurns, "take", lambda _: watch.SealCheck(1, 0))
    for page in (home, health):
        monkeypatch.setattr(page, "reading", lambda _request: nullcontext(None))
        monkeypatch.setattr(page, "books_state", lambda _: CALM)
    monkeypatch.setattr(home, "_payouts", lambda _: home.WaitingPayouts([], 0, 0))
    monkeypatch.setattr(dead_letter, "letter_at", lambda _place: LETTER)
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
    assert "Everything is as it should be." in shown(client, "/health", "as it should be")
    assert "No refused event waits for anybody." in shown(client, "/dead-letters", "No refused event waits")


def test_kafka_away_is_a_sentence_on_each_page(client, log) -> None:
    log.problem = ConnectionError("no Kafka broker answers at k:9092")
    for path in ("/", "/dead-letters"):
        assert client.get(path).status_code == 200
        assert "cannot be read" in shown(client, path, "no Kafka broker answers at k:9092")


def test_what_an_event_holds_is_shown_and_never_run(client, log) -> None:
    log.fresh = [FoundLetter(LETTER, LogPosition(ORDERS.dlq, 0, 1), 1_000_000)]
    for path in ("/dead-letters", HERE, AGAIN, "/dead-letters?topic=commerce.orders.v1&reason=invalid_field"):
        page = shown(client, path, "&lt;script&gt;alert(1)&lt;/script&gt;")
        assert EVIL not in page
    assert "\\xff" in client.get(HERE).text
    assert '/order/%3Cscript%3Ealert%281%29%3C%2Fscript%3E"' in client.get(HERE).text


def test_only_an_operator_is_offered_to_send_again_and_reads_how_many(client, log) -> None:
    log.fresh = [FoundLetter(LETTER, LogPosition(ORDERS.dlq, 0, 1), 1_000_000)]
    assert "Sign in to send them" in shown(client, AGAIN, "Send 1 event again?")
    for name, says in (
        ("eve", "Only people in the role koc_operator may do this."),
        ("ann", "Send this 1 event again"),
    ):
        token = re.search(r'form_token" value="(\w+)"', client.get("/enter").text)[1]
        client.post("/enter", data={"form_token": token, "name": name, "password": "x"})
        assert says in client.get(AGAIN).text


def test_an_event_that_was_never_refused_is_not_found(client) -> None:
    for path in (HERE, "/dead-letter/somewhere/3/7", "/dead-letters/sent/1"):
        assert client.get(path).status_code == 404
    assert client.get("/dead-letters/again").status_code == 400
    assert client.get("/health/moon").status_code == 404


def test_a_table_that_is_not_there_yet_is_no_failure_of_the_page(client) -> None:
    assert client.get("/dead-letters?csv=moon").status_code == 404
