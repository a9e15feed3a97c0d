"""A local stack as others use it: the command line, the demo and the tests."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from services.kernel.errors import StartRefused
from services.runtime.local import broker, leftovers, postgres, requirements
from services.runtime.local.layout import Layout, Memory
from services.runtime.local.supervisor import RELEASE, lock

StartProgress = Callable[[str], None]

_STOP_SECONDS = 60.0
_READY_SECONDS = 45.0
_POLL_SECONDS = 0.05
_CRASHES = 3


class Stack:
    """Real Kafka and PostgreSQL on this machine, with topics and migrations, and the workers under supervision.

    As a context manager the stack lives as long as the block and the process that runs it, even if that is killed:

        with Stack(tmp_path / "stack", workers=2) as stack:
            subprocess.run(["koc", "publish", file], env={**os.environ, **stack.environment()})
            os.kill(stack.pid("poster-1"), signal.SIGKILL)  # it is started again

    Args:
        folder: where its data, logs and stack.json are; stacks in different folders do not disturb each other.
        workers: how many attribution workers, with one poster and one relay; 0 = servers only.
        environment: further variables of the workers.
    """

    def __init__(self, folder: Path, workers: int = 1, environment: dict[str, str] | None = None) -> None:
        self.layout = Layout(folder.absolute())
        self.workers = workers
        self._extra = environment or {}
        self._supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start; the stack ends with this process."""
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        self.down()

    def up(self, progress: StartProgress = lambda _: None) -> bool:
        """Start and wait until every worker is ready or will not be; False if it ran already with as many workers.

        A worker that refuses or crashes leaves the rest running, so that its cause can be mended: see `processes`.

        Raises:
            StartRefused: something is missing on this machine, or a part did not start; nothing is left running.
        """
        if self.running:
            if self.stack_file().get("workers") == self.workers:
                return False
            progress(f"stopping, to start again with {self.workers} attribution workers")
            self.down()
        try:
            self._prepare(progress)
            self._start_supervisor(progress)
            self._await_workers(progress)
        except BaseException:
            self.down()
            raise
        return True

    def release(self) -> None:
        """Let the stack outlive this process."""
        if self._supervisor and self._supervisor.stdin:
            self._supervisor.stdin.write(RELEASE)
            self._supervisor.stdin.close()

    def down(self) -> bool:
        """Stop everything, also what a crash left behind; whether there was anything. Data stays."""
        ran = self.running
        if ran:
            self._signal_supervisor(signal.SIGTERM)
            self._await_end()
        if self._supervisor:
            for pipe in (self._supervisor.stdin, self._supervisor.stdout):
                if pipe:
                    pipe.close()
            self._supervisor.wait(_STOP_SECONDS)
            self._supervisor = None
        if not self.layout.stack_file.exists():
            return ran
        with lock(self.layout):
            leftovers.end_leftovers(self.layout, self._memory().get("postgres_home"))
        return True

    def reset(self) -> None:
        """Stop and remove all data of the stack; Kafka's jars stay."""
        self.down()
        postgres.remove_home(self._memory())
        for path in self.layout.own:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        """Whether a supervisor holds the folder."""
        if not self.layout.lock_file.exists():
            return False
        with self.layout.lock_file.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def environment(self) -> dict[str, str]:
        """What a child process needs to find this stack."""
        return {"KOC_LOCAL_DIR": str(self.layout.folder), **self._extra}

    def stack_file(self) -> dict[str, Any]:
        """The contents of stack.json; empty while the stack is down."""
        try:
            return dict(json.loads(self.layout.stack_file.read_text()))
        except FileNotFoundError:
            return {}

    def settings(self) -> dict[str, str]:
        """The addresses, with passwords, as services.runtime.settings names them."""
        return dict(self.stack_file().get("settings", {}))

    def superuser_dsn(self, database: str = "postgres") -> str:
        """libpq's connection string of PostgreSQL's superuser: for tests that make databases of their own."""
        return postgres.Postgres(Memory.load(self.layout), Path()).superuser_dsn(database)

    def processes(self) -> list[dict[str, Any]]:
        """name, pid, state, restarts, note, log and http_port of every process, as they are now."""
        processes: list[dict[str, Any]] = self.stack_file().get("processes", [])
        return [{**process, "http_port": self._http_port(process)} for process in processes]

    def pid(self, name: str) -> int:
        """The process id of a process.

        Raises:
            KeyError: there is none of that name, or it does not run.
        """
        pids: dict[str, int] = {process["name"]: process["pid"] for process in self.processes() if process["pid"]}
        return pids[name]

    def not_ready(self, process: dict[str, Any]) -> str | None:
        """Why a process cannot do its work now; None = it can. Servers are ready when they run."""
        if process["state"] != "running":
            return str(process["note"] or process["state"])
        if process["name"] in {"kafka", "postgres"}:
            return None
        if process["http_port"] is None:
            return "starting"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{process['http_port']}/readyz", timeout=2):
                return None
        except urllib.error.HTTPError as answer:
            return answer.read().decode().strip()
        except OSError as error:
            return f"does not answer: {error}"

    def _prepare(self, progress: StartProgress) -> None:
        """Check the machine, fetch what is missing."""
        self.layout.folder.mkdir(parents=True, exist_ok=True)
        requirements.room(self.layout.folder)
        requirements.java()
        began = time.monotonic()
        if not broker.jars_folder().exists():
            progress("fetching Apache Kafka with Maven, once")
            broker.fetch_jars()
            progress(f"fetched Apache Kafka in {time.monotonic() - began:.1f} s")
        self.layout.log.mkdir(exist_ok=True)

    def _start_supervisor(self, progress: StartProgress) -> None:
        """Start the supervisor and follow it until the servers answer and the workers are started."""
        with (self.layout.log / "supervisor.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "services.runtime.local.supervisor",
                    self.layout.folder,
                    str(self.workers),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment()},
                start_new_session=True,
                bufsize=0,
            )
        for line in self._supervisor.stdout or ():
            told = json.loads(line)
            if "failed" in told:
                raise StartRefused(told["failed"])
            if "ready" in told:
                return
            progress(f"{told['did']} ({told['seconds']} s)")
        raise StartRefused(f"the supervisor ended while it started; see {self.layout.log / 'supervisor.log'}")

    def _await_workers(self, progress: StartProgress) -> None:
        """Wait until every worker is ready or will not be: it refused, or crashed again and again."""
        deadline = time.monotonic() + _READY_SECONDS
        waiting = {process["name"] for process in self.processes()}
        while waiting and time.monotonic() < deadline:
            for process in [process for process in self.processes() if process["name"] in waiting]:
                reason = self.not_ready(process)
                if reason is None or process["state"] in {"refused", "stopped"} or process["restarts"] >= _CRASHES:
                    waiting.remove(process["name"])
                    progress(f"{process['name']} is ready" if reason is None else f"{process['name']}: {reason}")
            if waiting:
                time.sleep(_POLL_SECONDS)

    def _http_port(self, process: dict[str, Any]) -> int | None:
        """Where a process serves its health, if this very process has said so."""
        try:
            address = json.loads((self.layout.run / f"{process['name']}.json").read_text())
        except FileNotFoundError:
            return None
        return int(address["http_port"]) if address["pid"] == process["pid"] else None

    def _memory(self) -> dict[str, Any]:
        """What the stack remembers, as it stands in the file."""
        try:
            return dict(json.loads(self.layout.memory_file.read_text()))
        except FileNotFoundError:
            return {}

    def _signal_supervisor(self, which: signal.Signals) -> None:
        """Send a signal to the process that holds the folder."""
        if pid := self._supervisor_pid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)

    def _await_end(self) -> None:
        """Wait until the supervisor is gone; kill it when it does not go, its children then follow."""
        supervisor = self._supervisor_pid()
        deadline = time.monotonic() + _STOP_SECONDS
        while self.running or _lives(supervisor):
            if time.monotonic() > deadline:
                self._signal_supervisor(signal.SIGKILL)
                deadline = time.monotonic() + _STOP_SECONDS
            time.sleep(_POLL_SECONDS)

    def _supervisor_pid(self) -> int | None:
        """The process that holds the folder, or held it last."""
        held_by = self.layout.lock_file.read_text().strip()
        return int(held_by) if held_by else None


def _lives(pid: int | None) -> bool:
    """Whether a process runs; one that only waits for its parent to notice its end does not."""
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
