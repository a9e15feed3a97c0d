"""Whether the database answers, as a probe and a scrape are told it: never by waiting for the database."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from services.console import readiness
from services.console.readiness import BooksProbe
from tests.kit.waiting import until


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Iterator[BooksProbe]:
    """One that asks all the time; a test says what becomes of it."""
    monkeypatch.setattr(readiness, "ASK_SECONDS", 0.01)
    monkeypatch.setattr(readiness, "psycopg_dsn", lambda role: f"of {role}")
    monkeypatch.setattr(psycopg, "connect", lambda *_, **__: _Connection())
    started = BooksProbe()
    yield started
    started.end()


class _Connection:
    def close(self) -> None:
        """As a real one."""


def test_a_database_that_refuses_is_said_until_it_answers(probe: BooksProbe, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe.why_not_ready() is None

    def refuse(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("secret host")

    with monkeypatch.context() as broken:
        broken.setattr(psycopg, "connect", refuse)
        until(lambda: probe.why_not_ready() == "the database does not answer: OperationalError", "it is said")
    until(lambda: probe.why_not_ready() is None, "it answers again")


def test_a_database_that_never_answers_holds_nobody_who_asks(
    probe: BooksProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, thawed = threading.Event(), threading.Event()

    def freeze(*_: object, **__: object) -> _Connection:
        asked.set()
        thawed.wait()
        return _Connection()

    monkeypatch.setattr(psycopg, "connect", freeze)
    asked.wait()
    monkeypatch.setattr(readiness, "SILENT_SECONDS", 0.05)
    until(lambda: "has not answered for" in (probe.why_not_ready() or ""), "it is silent")
    monkeypatch.setattr(readiness, "SILENT_SECONDS", 60.0)
    thawed.set()
    until(lambda: probe.why_not_ready() is None, "it answers again")
