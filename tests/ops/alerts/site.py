"""What a fault can reach: the stack with its processes, its database as the superuser, its topics, its commands."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import make_url

from schemas.topics import REGISTRY
from services.demo.events import Event, record
from services.kernel.time import DAY
from services.operations.drain.positions import wait_until_drained
from services.runtime.local.stack import Stack
from services.runtime.publishing import publish
from services.runtime.topics import log_ends
from tests.kit.prometheus import Prometheus
from tests.kit.waiting import until
from tests.ops.alerts.alert_log import AlertLog

FAULTS_CLOCK, SLOW_CLOCK, RESTARTS_CLOCK = 60, 240, 10
"""How many times as fast rules run: those that judge faults; those whose windows are days; and those that must bear
restarts, because a process needs real seconds to start.
"""
_DRAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Site:
    """A stack under Prometheus.

    Attributes:
        folder: for whatever a fault needs.
        prometheus: the server by whose rules faults are judged.
        clocks: what fired, by how many times as fast the rules run.
        now: when the proof began, microseconds.
    """

    folder: Path
    stack: Stack
    prometheus: Prometheus
    clocks: Mapping[int, AlertLog]
    now: int

    def before(self, days: float) -> int:
        """So many days before the proof began, microseconds."""
        return self.now - int(days * DAY)

    def publish(self, *events: Event) -> None:
        """Publish events, each to its topic."""
        publish(map(record, events))

    def drain(self) -> None:
        """Wait until all that is published is in the ledger topic."""
        wait_until_drained(_DRAIN_SECONDS, lambda _: None)

    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection[Any]]:
        """A session of PostgreSQL's superuser in the books' database, each statement a transaction of its own."""
        database = make_url(self.stack.settings()["database_url"]).database
        assert database is not None
        with psycopg.connect(self.stack.superuser_dsn(database), autocommit=True) as session:
            yield session

    def tamper(self, statement: str, *values: object) -> None:
        """Change one row, whatever the database's own guards say."""
        with self.superuser() as session, session.transaction():
            session.execute("SET LOCAL session_replication_role = replica")
            session.execute("ALTER TABLE journal DISABLE TRIGGER journal_is_immutable")
            assert session.execute(statement, values).rowcount == 1, statement
            session.execute("ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_is_immutable")

    def await_registry(self) -> None:
        """Wait until the books have taken in all that is in the registry."""
        with self.superuser() as session:
            [end] = log_ends([REGISTRY.name]).values()
            until(
                lambda: session.execute("SELECT 1 FROM registry_position WHERE next_offset >= %s", (end,)).fetchone(),
                "the books know the registry",
            )

    @contextmanager
    def unattended(self) -> Iterator[None]:
        """Within the block nobody starts a process again that has ended: the supervisor is frozen."""
        supervisor = int(self.stack.stack_file()["supervisor_pid"])
        os.kill(supervisor, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Within the block a process stands still."""
        pid = self.stack.pid(name)
        os.kill(pid, signal.SIGSTOP)
        until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, f"{name} is frozen")
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again unless it is frozen."""
        os.kill(self.stack.pid(name), signal.SIGKILL)

    def await_ready(self, *names: str) -> None:
        """Wait until these processes can do their work."""
        until(lambda: not [one for one in self.not_ready() if one in names or not names], f"{names or 'all'} are ready")

    def not_ready(self) -> list[str]:
        """The processes that cannot do their work now."""
        return [one["name"] for one in self.stack.processes() if self.stack.not_ready(one) is not None]


def moment() -> int:
    """Now, microseconds."""
    return time.time_ns() // 1000
