"""What a fault can reach: the stack with its processes, its database as the superuser, its topics, its commands."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg
from sqlalchemy import make_url

from services.demo.events import Event, record
from services.kernel.time import DAY
from services.operations.drain.positions import wait_until_drained
from services.runtime.local.stack import Stack
from services.runtime.publishing import publish
from tests.kit.console_process import ConsoleProcess
from tests.kit.processes import KocProcess
from tests.kit.prometheus import Prometheus
from tests.kit.scrape_targets import ScrapeTargets
from tests.kit.waiting import until
from tests.ops.alerts.alert_log import AlertLog

FAULTS_CLOCK, SLOW_CLOCK, RESTARTS_CLOCK = 60, 240, 10
"""How many times as fast rules run: those that judge faults; those whose windows are days; and those that must bear
restarts, because a process needs real seconds to start.
"""
CLOCKS = (FAULTS_CLOCK, SLOW_CLOCK, RESTARTS_CLOCK)
SLOW_BURNS = ("KocFreshnessBurnSlow", "KocRefusedShareBurnSlow")
_DRAIN_SECONDS = 60.0


class Disks(NamedTuple):
    """The small volumes of the attribution worker."""

    state: Path
    snapshots: Path


@dataclass(frozen=True)
class Site:
    """A stack and a console under Prometheus.

    Attributes:
        folder: for whatever a fault needs.
        prometheus: the server by whose rules faults are judged.
        clocks: what fired, by how many times as fast the rules run.
        targets: what each server scrapes.
        now: when the proof began, microseconds.
    """

    folder: Path
    stack: Stack
    console: ConsoleProcess
    disks: Disks
    prometheus: Prometheus
    clocks: Mapping[int, AlertLog]
    targets: Sequence[ScrapeTargets]
    now: int

    def fired_since(self, moment: float, *clocks: int) -> dict[int, list[str]]:
        """The alerts that fired after a moment of the monotonic clock, by the rules' clock."""
        return {clock: [firing.name for firing in self.clocks[clock].since(moment)] for clock in clocks}

    def log_of(self, alert: str) -> AlertLog:
        """Where an alert is looked for."""
        return self.clocks[clock_of(alert)]

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
        with self._connect() as session:
            yield session

    def _connect(self) -> psycopg.Connection[Any]:
        database = make_url(self.stack.settings()["database_url"]).database
        assert database is not None
        return psycopg.connect(self.stack.superuser_dsn(database), autocommit=True)

    @contextmanager
    def forgotten(self, statement: str) -> Iterator[None]:
        """Within the block a transaction that nobody ends holds what a statement locks; then its session is ended."""
        forgotten = self._connect()
        try:
            forgotten.execute("BEGIN")
            forgotten.execute(statement)
            yield
            with self.superuser() as person:
                person.execute("SELECT pg_terminate_backend(%s, 5000)", (forgotten.info.backend_pid,))
        finally:
            forgotten.close()

    def tamper(self, statement: str, *values: object) -> None:
        """Change one row, whatever the database's own guards say."""
        with self.superuser() as session, session.transaction():
            session.execute("SET LOCAL session_replication_role = replica")
            session.execute("ALTER TABLE journal DISABLE TRIGGER journal_is_immutable")
            assert session.execute(statement, values).rowcount == 1, statement
            session.execute("ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_is_immutable")

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

    def end(self, name: str) -> None:
        """SIGKILL, within `unattended`; it has ended when this returns."""
        pid = self.stack.pid(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, f"{name} has ended")

    @contextmanager
    def again_and_again(self, action: Callable[[], object], every: float = 0.1) -> Iterator[None]:
        """Within the block a thread does something, waits so many seconds, and does it again."""
        ended, problems = threading.Event(), []

        def work() -> None:
            try:
                while not ended.wait(every):
                    action()
            except Exception as problem:  # noqa: BLE001 - told at the end of the block
                problems.append(problem)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield
        ended.set()
        thread.join()
        assert not problems, problems

    @contextmanager
    def replaced(self, name: str, words: Sequence[str]) -> Iterator[None]:
        """A process stops in order; within the block another one of its name and with its state is there instead."""
        os.kill(self.stack.pid(name), signal.SIGTERM)
        until(lambda: self._state(name) == "stopped", f"{name} has stopped")
        state = {"KOC_STATE_DIR": str(self.stack.layout.state / name)}
        with KocProcess(self.folder / f"next-{name}", name, words, state) as process:
            for scraped in self.targets:
                scraped.add(process)
            until(process.is_ready, f"the next {name} is ready", process=process)
            yield

    def _state(self, name: str) -> str:
        return next(str(one["state"]) for one in self.stack.processes() if one["name"] == name)

    def readiness(self, name: str) -> str:
        """Why a process cannot work now; empty if it can."""
        return next(self.stack.not_ready(one) or "" for one in self.stack.processes() if one["name"] == name)

    def await_ready(self, *names: str) -> None:
        """Wait until these processes can do their work."""
        until(lambda: not [one for one in self.not_ready() if one in names or not names], f"{names or 'all'} are ready")

    def await_console(self) -> None:
        """Wait until the console can show pages."""
        until(self.console.is_ready, "the console is ready", process=self.console)

    def not_ready(self) -> list[str]:
        """The processes that cannot do their work now."""
        return [one["name"] for one in self.stack.processes() if self.stack.not_ready(one) is not None]


def clock_of(alert: str) -> int:
    """How many times as fast the rules run by which an alert is judged."""
    if alert in SLOW_BURNS:
        return SLOW_CLOCK
    return RESTARTS_CLOCK if alert == "KocProcessRestarts" else FAULTS_CLOCK


def moment() -> int:
    """Now, microseconds."""
    return time.time_ns() // 1000
