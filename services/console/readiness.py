"""Whether the database answers a console: asked beside the pages, so that a probe or a scrape never waits for it."""

import threading
import time

import psycopg
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from services.runtime.database import psycopg_dsn

DATABASE_AWAY = (
    ConnectionError,
    OperationalError,
    InterfaceError,
    NoFreeConnection,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
"""Errors that pass by themselves: nobody answers, not in time, or too many ask. Others of the driver are bugs."""

ASK_SECONDS = 2.0
SILENT_SECONDS = 10.0
"""Without an answer for so long the database does not answer, whatever became of the question."""


class BooksProbe:
    """Asks the database every few seconds, on a thread and a connection of its own.

    The pages' connections may all be busy, and a frozen database holds whoever asks it.
    """

    def __init__(self) -> None:
        self._answered = time.monotonic()
        self._problem: str | None = None
        self._end = threading.Event()
        threading.Thread(target=self._ask_until_the_end, name="books probe", daemon=True).start()

    def why_not_ready(self) -> str | None:
        """A sentence; None = the database answered just now. Never waits."""
        silent = time.monotonic() - self._answered
        if self._problem is None and silent > SILENT_SECONDS:
            return f"the database has not answered for {silent:.0f} s"
        return self._problem

    def end(self) -> None:
        """Ask no more."""
        self._end.set()

    def _ask_until_the_end(self) -> None:
        while not self._end.wait(ASK_SECONDS):
            self._problem = _problem_of_database()
            self._answered = time.monotonic()


def _problem_of_database() -> str | None:
    """What is wrong with the database; None = it answers."""
    try:
        psycopg.connect(psycopg_dsn("reader"), connect_timeout=2).close()
    except psycopg.Error as problem:
        return f"the database does not answer: {type(problem).__name__}"
    return None
