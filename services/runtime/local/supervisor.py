"""The supervisor of a local stack: `python -m services.runtime.local.supervisor FOLDER WORKERS`.

It has one thread and is the direct parent of Kafka, PostgreSQL and the workers. Its standard input is its lifeline:
when that ends before the byte that hands the stack over, whoever started it is gone and it stops all. Its standard
output tells the starter how far it is, a JSON object a line; both are given up once the stack is ready.
"""

import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from services.kernel.errors import StartRefused
from services.runtime.local import leftovers, postgres
from services.runtime.local.broker import Broker
from services.runtime.local.layout import Layout, Memory, write_private
from services.runtime.local.process import SUPERVISED_BY, Process

RELEASE = b"r"
"""The byte on the lifeline that hands the stack over: from then on it lives by itself."""

_FOREIGN = ("KOC_KAFKA_", "KOC_DATABASE_", "KOC_HTTP_PORT", "KOC_INSTANCE_ID", "KOC_STATE_DIR", "KOC_RUN_DIR")
"""Settings of the caller that would lead the stack's workers elsewhere."""

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_JAVA_TERMINATED = 128 + signal.SIGTERM
"""What Java exits with after it obeyed SIGTERM in order."""


class Stopped(Exception):  # noqa: N818 - an outcome that was asked for
    """Somebody asked the supervisor to stop while it was starting."""


class Supervisor:
    """Starts a stack, keeps it running, stops it.

    Args:
        layout: the stack's folder; must be locked by this process.
        workers: how many attribution workers; 0 = no workers at all, neither poster nor relay.
    """

    def __init__(self, layout: Layout, workers: int) -> None:
        self.layout = layout
        self.workers = workers
        self.memory = Memory.load(layout)
        self.postgres = postgres.prepare(layout, self.memory)
        self.memory.choose_ports(layout, ("kafka", "controller", "postgres"))
        for role in ("postgres", *postgres.ROLES):
            self.memory.password(role)
        self.memory.save(layout)
        self.broker = Broker(layout, self.memory)
        self.processes: list[Process] = []
        self.tasks: list[Process] = []
        self.stopping = False
        self.events = selectors.DefaultSelector()
        self._watch_signals()
        self.events.register(sys.stdin.fileno(), selectors.EVENT_READ, self._read_lifeline)

    def start(self) -> None:
        """Everything up to the workers' start.

        Raises:
            StartRefused: a part did not start; what it said.
            Stopped: asked to stop meanwhile.
        """
        began = time.monotonic()
        for ended in leftovers.end_leftovers(self.layout, self.memory.postgres_home):
            self._tell(did=f"ended {ended}, left by a stack that crashed", began=began)
        kafka, database = self._start_kafka(), self._start_postgres()
        self._until(self.postgres.answers, database)
        self.postgres.make_roles()
        self._tell(did=f"PostgreSQL answers on 127.0.0.1:{self.memory.ports['postgres']}", began=began)
        self._write_stack_file()
        migrations = self._once(self._process("migrate", [_koc(), "settlement", "migrate"]))
        self._until(lambda: kafka.listens_on(self.memory.ports["kafka"]), kafka)
        self._finish(self._once(self._process("topics", [_koc(), "topics", "apply"])))
        self._tell(did=f"Kafka answers on {self.broker.bootstrap}, its topics are there", began=began)
        self._finish(migrations)
        self._tell(did="the database is migrated", began=began)
        self._start_workers()
        self._write_stack_file()

    def _start_kafka(self) -> Process:
        """The broker, its data folder formatted first if it is new; it does not answer yet."""
        if not self.broker.formatted:
            self._finish(self._once(self._process("kafka-format", self.broker.format_command())))
            self.broker.accept_format()
        self.broker.configure()
        kafka = self._process("kafka", self.broker.command)
        kafka.death_signal = kafka.stop_signal
        return self._run(kafka)

    def _start_postgres(self) -> Process:
        """The database server, its cluster made first if it is new; it does not answer yet."""
        if not self.postgres.initialised:
            init = self._process("postgres-init", self.postgres.init_command())
            init.uid = self.postgres.uid
            self._finish(self._once(init))
            self.postgres.accept_init()
        database = self._process("postgres", self.postgres.command)
        database.uid = self.postgres.uid
        database.stop_signal = database.death_signal = signal.SIGINT
        return self._run(database)

    def _start_workers(self) -> None:
        """Attribution, poster and relay, each with a name and a state folder of its own."""
        for name, command in worker_commands(self.workers).items():
            own = {"KOC_INSTANCE_ID": name, "KOC_STATE_DIR": str(self.layout.state / name)}
            self._run(self._process(name, [_koc(), *command], **own))

    def keep_running(self) -> None:
        """Start again what ends, until asked to stop."""
        while not self.stopping:
            due = [process.start_at for process in self.processes if process.start_at is not None]
            self._turn(max(0.0, min(due) - time.monotonic()) if due else None)
            changed = [process for process in self.processes if process.watch()]
            if changed:
                self._write_stack_file()

    def stop(self) -> None:
        """Stop the workers, then Kafka and PostgreSQL; kill what does not end in time."""
        for task in self.tasks:
            task.kill()
        servers = [process for process in self.processes if process.name in {"kafka", "postgres"}]
        for group in ([process for process in self.processes if process not in servers], servers):
            for process in group:
                process.ask_to_stop()
            deadline = time.monotonic() + _STOP_SECONDS
            for process in group:
                _end(process, deadline)
        if any(server.name == "kafka" and server.exit_status() == _JAVA_TERMINATED for server in servers):
            self.broker.keep_class_archive()
        leftovers.end_leftovers(self.layout, self.memory.postgres_home)

    def tell(self, **told: Any) -> None:
        """Tell the starter, if it still listens."""
        try:
            _say(**told)
        except BrokenPipeError:
            self.stopping = True

    def _tell(self, did: str, began: float) -> None:
        """Tell the starter that a part is up."""
        self.tell(did=did, seconds=round(time.monotonic() - began, 2))

    def _process(self, name: str, command: list[str], **own: str) -> Process:
        """A process of this stack, not yet started; `own` adds to its environment."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
        ours = {"KOC_LOCAL_DIR": str(self.layout.folder), SUPERVISED_BY: str(self.layout.folder)}
        return Process(name, command, {**inherited, **ours, **own}, self.layout.log / f"{name}.log")

    def _run(self, process: Process) -> Process:
        """Start a process and keep it running."""
        self.processes.append(process)
        process.start()
        return process

    def _once(self, process: Process) -> Process:
        """Start a process that is to end by itself; see _finish."""
        process.log.unlink(missing_ok=True)
        self.tasks.append(process)
        process.start()
        return process

    def _finish(self, process: Process) -> None:
        """Wait until it ends well.

        Raises:
            StartRefused: it failed; its last words.
        """
        self._until(lambda: process.exit_status() is not None, process)
        if process.exit_status() != 0:
            raise StartRefused(f"{process.name} failed: {_said(process)}")

    def _until(self, holds: Callable[[], bool], process: Process) -> None:
        """Wait for what a process is to do; signals and the lifeline are heard meanwhile.

        Raises:
            StartRefused: it took too long, or a server ended, whose port may by now be another's; its last words.
            Stopped: asked to stop meanwhile.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not holds():
            for server in self.processes:
                if server.exit_status() is not None:
                    raise StartRefused(f"{server.name} did not start: {_said(server)}")
            if time.monotonic() > deadline:
                raise StartRefused(f"{process.name} was not ready after {_START_SECONDS:.0f} s: {_said(process)}")
            self._turn(0.03)
            if self.stopping:
                raise Stopped

    def _turn(self, timeout: float | None) -> None:
        """Sleep until something happens or the timeout is over."""
        for key, _ in self.events.select(timeout):
            key.data()

    def _watch_signals(self) -> None:
        """Signals wake the loop; those that ask for a stop are obeyed there."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)  # noqa: FBT003 - the socket's own interface
        writer.setblocking(False)  # noqa: FBT003 - the socket's own interface
        self._wakeup = (reader, writer)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for asked in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(asked, self._ask_to_stop)
        self.events.register(reader, selectors.EVENT_READ, lambda: reader.recv(4096))

    def _ask_to_stop(self, *_: object) -> None:
        """A signal asked for the end."""
        self.stopping = True

    def _read_lifeline(self) -> None:
        """The starter spoke or is gone."""
        self.events.unregister(sys.stdin.fileno())
        if os.read(sys.stdin.fileno(), 1) != RELEASE:
            self.stopping = True

    def _write_stack_file(self) -> None:
        """What others need to know of the running stack."""
        write_private(
            self.layout.stack_file,
            {
                "supervisor_pid": os.getpid(),
                "workers": self.workers,
                "settings": {
                    "kafka_bootstrap": self.broker.bootstrap,
                    "database_url": self.postgres.url("koc_writer"),
                    "database_owner_url": self.postgres.url("koc_owner"),
                    "database_reader_url": self.postgres.url("koc_reader"),
                    "database_operator_url": self.postgres.url(postgres.OPERATOR),
                    "database_approver_url": self.postgres.url(postgres.APPROVER),
                    "database_payer_url": self.postgres.url(postgres.PAYER),
                },
                "processes": [process.as_json() for process in self.processes],
            },
        )


def worker_commands(workers: int) -> dict[str, list[str]]:
    """The workers by name, as arguments of `koc`; none for 0."""
    if workers == 0:
        return {}
    attribution = {f"attribution-{number}": ["attribution", "worker"] for number in range(1, workers + 1)}
    return attribution | {"poster-1": ["settlement", "poster"], "relay-1": ["settlement", "relay"]}


def _said(process: Process) -> str:
    """What it said last, and where the rest of it is."""
    return f"{process.last_words()} (more in {process.log})"


def _koc() -> str:
    """The command beside the Python that runs us."""
    return str(Path(sys.executable).with_name("koc"))


def _end(process: Process, deadline: float) -> None:
    """Wait for a process that was asked to stop, until the deadline; then kill it."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"{process.name} did not stop within {_STOP_SECONDS:.0f} s and is killed\n")
        process.kill()
        process.wait(_STOP_SECONDS)


def _say(**told: Any) -> None:
    """A line for the starter."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def lock(layout: Layout) -> Any:
    """Become the only supervisor of this folder; the open file holds the lock until this process ends.

    Raises:
        StartRefused: there is another.
    """
    file = layout.lock_file.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StartRefused(f"another `koc local up` is at work in {layout.folder}: wait for it to end") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def main(arguments: Iterable[str]) -> int:
    """Run a stack to its end; the exit status."""
    folder, workers = arguments
    layout = Layout(Path(folder))
    try:
        held = lock(layout)
        supervisor = Supervisor(layout, int(workers))
    except StartRefused as refusal:
        _say(failed=str(refusal))
        return refusal.exit_code
    with held:
        try:
            supervisor.start()
            supervisor.tell(ready=True)
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            supervisor.keep_running()
        except StartRefused as refusal:
            supervisor.tell(failed=str(refusal))
            return refusal.exit_code
        except Stopped:
            pass
        finally:
            supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
