"""One supervised process: started, watched, started again after a crash, stopped when asked."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from services.kernel.errors import StartRefused
from services.runtime.local import child

SUPERVISED_BY = "KOC_SUPERVISED_BY"
"""In the environment of every child: the stack's folder. Leftovers of a crash are known by it."""

_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 5.0
_STEADY_SECONDS = 10.0
_LOG_KEPT_BYTES = 16 << 20
_CAUSE = "Caused by: "


@dataclass(slots=True)
class Process:
    """A child of the supervisor.

    Attributes:
        command: program and arguments.
        environment: all of its environment.
        log: its output is appended here.
        stop_signal: what asks it to stop cleanly.
        death_signal: what the kernel sends it if the supervisor dies. A worker cannot stop cleanly when its servers
            end in the same moment, it would hang in retries; nothing is lost by killing it.
        uid: the user it runs as; -1 = ours.
        state: starting, running, waiting (for its next start), refused (exit 78) or stopped.
        note: why it is not running, a sentence.
        restarts: how often it was started again.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    uid: int = -1
    state: str = "starting"
    note: str | None = None
    restarts: int = 0
    start_at: float | None = None
    _delay: float = _FIRST_DELAY_SECONDS
    _started: float = 0.0
    _popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self._popen.pid if self._popen and self._popen.returncode is None else None

    def start(self) -> None:
        """Start it now, in a session of its own, so that a terminal's Ctrl-C does not reach it."""
        shim = [
            sys.executable,
            "-I",
            "-S",
            child.__file__,
            str(os.getpid()),
            str(int(self.death_signal)),
            str(self.uid),
        ]
        with self._open_log() as log:
            self._popen = subprocess.Popen(
                [*shim, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
                cwd="/",
            )
        self.state, self.note, self.start_at, self._started = "running", None, None, time.monotonic()

    def watch(self) -> bool:
        """Notice its end, start it again when its time has come; whether anything changed."""
        if self.start_at is not None and time.monotonic() >= self.start_at:
            self.restarts += 1
            self.start()
            return True
        if self.state != "running" or self._popen is None or (status := self._popen.poll()) is None:
            return False
        if status == 0:
            self.state, self.note = "stopped", "ended by itself with exit 0"
        elif status == StartRefused.exit_code:
            self.state, self.note = "refused", self.last_words()
        else:
            self._wait_to_start_again(status)
        return True

    def ask_to_stop(self) -> None:
        """Ask it to end; it is not started again."""
        self.state, self.start_at = "stopped", None
        if self.pid and self._popen:
            self._popen.send_signal(self.stop_signal)

    def kill(self) -> None:
        """End it at once."""
        if self.pid and self._popen:
            self._popen.kill()

    def wait(self, timeout: float) -> int:
        """Its exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        return self._popen.wait(timeout) if self._popen else 0

    def exit_status(self) -> int | None:
        """Its exit status if it has ended, negative for a signal."""
        return self._popen.poll() if self._popen else None

    def listens_on(self, port: int) -> bool:
        """Whether it, and nobody else, takes connections there."""
        try:
            sockets = psutil.Process(self.pid).net_connections("tcp") if self.pid else []
        except psutil.NoSuchProcess:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)

    def last_words(self) -> str:
        """The last line it logged that says something; the innermost cause where Java logged one."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 4096))
            lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        causes = [line for line in lines if line.startswith(_CAUSE)]
        said = (causes or lines or ["it said nothing"])[-1]
        return said.removeprefix(_CAUSE).removeprefix("koc: ")

    def as_json(self) -> dict[str, Any]:
        """For stack.json."""
        shown = ("name", "pid", "state", "restarts", "note")
        return {key: getattr(self, key) for key in shown} | {"log": str(self.log)}

    def _wait_to_start_again(self, status: int) -> None:
        """Back off: 0.2 s, doubling to 5 s, from the beginning again after it ran steadily."""
        if time.monotonic() - self._started > _STEADY_SECONDS:
            self._delay = _FIRST_DELAY_SECONDS
        self.state, self.start_at = "waiting", time.monotonic() + self._delay
        self.note = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit {status}: {self.last_words()}"
        self._delay = min(self._delay * 2, _LONGEST_DELAY_SECONDS)

    def _open_log(self) -> Any:
        """The log, appended to; a long one is put aside first, one generation is kept."""
        if self.log.exists() and self.log.stat().st_size > _LOG_KEPT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("ab")
