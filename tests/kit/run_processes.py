"""Settlement runs as processes: the command itself, and one that is killed at the commit of one's choice."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from services.kernel.time import format_rfc3339
from services.operations.settle.settle import SettledRun, draft_of, settle
from services.runtime.database import psycopg_dsn
from services.runtime.local.stack import Stack
from services.settlement.books.run_lock import RUN
from services.settlement.books.run_store import RunBooks, run_store
from services.settlement.runs.applying import LineApplier
from tests.kit.booking_process import BookingProcess
from tests.kit.waiting import until

_WAIT_SECONDS = 180.0
_HOLDERS_OF_RUN = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class RunProcess(BookingProcess):
    """`koc settlement run` in a folder of its own."""

    def __init__(self, folder: Path, name: str, as_of: int, run_id: str) -> None:
        words = ["settlement", "run", "--as-of", format_rfc3339(as_of), "--id", run_id, "--json"]
        super().__init__(folder, name, words)

    def cut_its_lock(self, stack: Stack) -> None:
        """End the connection that holds RUN, as a network would."""
        with psycopg.connect(stack.superuser_dsn()) as server:
            ended = server.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE %s",
                (f"koc-{self.name}: settlement.run%",),
            )
            assert ended.fetchall() == [(True,)]


def finish(as_of: int, run_id: str) -> SettledRun:
    """`koc settlement run` in this process."""
    with run_store() as store:
        return settle(store, draft_of(as_of, run_id, "a test"), as_of, _WAIT_SECONDS, print)


def killed_at(commit: int, when: str, as_of: int, run_id: str, chunk: int) -> bool:
    """A run in a process of its own that is killed -9 before or after one of its commits; False if it has fewer.

    Args:
        commit: 1 is the plan's; then come those of its chunks, and its end.
        when: "before" the COMMIT is sent, or "after" its answer came.
        as_of: the moment of the run, microseconds.
        run_id: the run's name.
        chunk: lines a transaction.
    """

    def work() -> None:
        LineApplier.apply_chunk.__defaults__ = (chunk,)
        with run_store() as store:
            settle(KilledStore(store, commit, when), draft_of(as_of, run_id, "a test"), as_of, _WAIT_SECONDS, _hush)

    return is_killed_in(work)


def is_killed_in(work: Callable[[], None]) -> bool:
    """Whether a process of its own that does this work was killed -9; False if it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    until_run_is_free()
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def until_run_is_free() -> None:
    """Wait until nobody holds RUN in this database: the server takes a moment to notice that a process was killed."""
    with psycopg.connect(psycopg_dsn("reader"), autocommit=True) as reader:
        until(lambda: reader.execute(_HOLDERS_OF_RUN, [RUN]).fetchone() is None, "nobody holds RUN any more")


def end_at(place: str, wanted: str) -> None:
    """End this process at once, if this is the place."""
    if place == wanted:
        os.kill(os.getpid(), signal.SIGKILL)


class KilledStore:
    """A store whose process ends at a commit."""

    def __init__(self, store: RunBooks, commit: int, when: str) -> None:
        self._store, self._commit, self._when = store, commit, when
        self._opened = count(1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def planning(self) -> AbstractContextManager[Any]:
        return self._watched(self._store.planning())

    def chunk(self) -> AbstractContextManager[Any]:
        return self._watched(self._store.chunk())

    def ending(self) -> AbstractContextManager[Any]:
        return self._watched(self._store.ending())

    def proposing(self) -> AbstractContextManager[Any]:
        return self._watched(self._store.proposing())  # type: ignore[attr-defined]  # of a store of payouts

    @contextmanager
    def _watched(self, opened: AbstractContextManager[Any]) -> Iterator[Any]:
        number = next(self._opened)
        with opened as transaction:
            yield transaction
            end_at(f"before {number}", f"{self._when} {self._commit}")
        end_at(f"after {number}", f"{self._when} {self._commit}")


def _hush(_line: str) -> None:
    pass
