"""Processes that write the books, frozen in the worst moment."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import psycopg

from services.runtime.database import psycopg_dsn
from tests.kit.processes import KocProcess
from tests.kit.waiting import until


def patient(session: str) -> str:
    """Settings of a connection that outlasts another one which freezes with those given here, from that moment on."""
    assert "transaction_timeout=8s" in session
    return session.replace("transaction_timeout=8s", "transaction_timeout=30s")


class BookingProcess(KocProcess):
    """A `koc` whose transactions hold rows of `writer`."""

    def locks(self) -> set[tuple[str, bool]]:
        """Tables that its transactions have locked (True), or wait for (False)."""
        with psycopg.connect(psycopg_dsn("reader")) as reader:
            rows = reader.execute(
                "SELECT relname, granted FROM pg_stat_activity JOIN pg_locks USING (pid)"
                " JOIN pg_class ON pg_class.oid = relation WHERE split_part(application_name, ': ', 1) = %s",
                (f"koc-{self.name}",),
            )
            return {(name, granted) for name, granted in rows}

    @contextmanager
    def held_within_a_transaction(self, table: str) -> Iterator[None]:
        """Within the block, it waits in the middle of a transaction that holds its writers' rows.

        Args:
            table: journal, which it fills by COPY, or balance, which it updates; we hold it.
        """
        with psycopg.connect(psycopg_dsn("owner")) as owner:
            owner.execute(f"LOCK TABLE {table} IN SHARE MODE")
            yield

    def freeze_within_a_transaction(self, begin: Callable[[], None], table: str = "journal") -> None:
        """SIGSTOP while it holds its writers' rows.

        Args:
            begin: starts it, or gives it work; all before is posted.
            table: as above.
        """
        with self.held_within_a_transaction(table):
            with self._stopped_meanwhile():
                begin()
            self.wait_within_a_transaction(table)
            self.send_signal(signal.SIGSTOP)
            until(lambda: psutil.Process(self.pid).status() == psutil.STATUS_STOPPED, "it is frozen")
        until(lambda: (table, False) not in self.locks(), "the server has done what it can without it")
        assert ("writer", True) in self.locks()

    @contextmanager
    def _stopped_meanwhile(self) -> Iterator[None]:
        """Within the block it does nothing, if it runs by then: no time of a transaction of its own passes."""
        is_at_work = self.is_running
        if is_at_work:
            self.send_signal(signal.SIGSTOP)
        yield
        if is_at_work:
            self.send_signal(signal.SIGCONT)

    def wait_within_a_transaction(self, table: str) -> None:
        """Until it holds its writers' rows and waits for this table."""
        until(lambda: {("writer", True), (table, False)} <= self.locks(), "it is in a transaction", process=self)
