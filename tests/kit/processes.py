"""Workers as processes of a test's own: started, watched and ended by it, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from services.runtime.local import child
from services.runtime.local.process import Process
from tests.kit.command import KOC
from tests.kit.waiting import SECONDS, until

_STOP_SECONDS = 90
_ANSWER_SECONDS = 30
_LAST_WORDS = 3_000


def dies_with_us(command: Sequence[str]) -> list[str]:
    """The command of a process that the kernel kills when this one ends, however it ends."""
    return [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), str(int(signal.SIGKILL)), "-1", *command]


def end(server: Process) -> None:
    """Ask a server of a test's own to stop, and kill it if it does not."""
    server.ask_to_stop()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(_STOP_SECONDS)


class KocProcess:
    """A `koc` that goes on until it is stopped; ended with the block.

    Attributes:
        program: what is started next, if not the koc of this version.

    Args:
        folder: of its own, for its log, its state and its health server's address; may outlive it.
        name: its instance id.
        words: what follows `koc`.
        environment: further variables, read at each start.
    """

    def __init__(self, folder: Path, name: str, words: Sequence[str], environment: Mapping[str, str] | None = None):
        self.folder, self.name = folder, name
        self.program = KOC
        self._words, self._environment = words, environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, after it has ended too."""
        self._run([self.program, *self._words])

    def _run(self, command: Sequence[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **self._inherited(),
            "KOC_STATE_DIR": str(self.folder / "state"),
            "KOC_RUN_DIR": str(self.folder / "run"),
            "KOC_INSTANCE_ID": self.name,
            "KOC_LOG_FORMAT": "json",
            **self._environment,
        }
        self._address.unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(dies_with_us(command), env=environment, stdout=log, stderr=log)

    def _inherited(self) -> Mapping[str, str]:
        """Variables that it has besides its own."""
        return os.environ

    @property
    def _address(self) -> Path:
        return self.folder / "run" / f"{self.name}.json"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The one that was started last."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def pid(self) -> int:
        """Of the one that was started last."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended; a frozen one runs."""
        return self._process is not None and self._process.poll() is None

    def problem(self) -> str | None:
        """With which status it ended; None while it runs, or before it was started."""
        status = None if self._process is None else self._process.poll()
        return None if status is None else f"{self.name} ended with {status}"

    def last_words(self) -> str:
        """The end of its log."""
        return self.log()[-_LAST_WORDS:]

    def log(self) -> str:
        """All that it has written, at each of its starts."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    def send_signal(self, which: signal.Signals) -> None:
        """Send it a signal; nothing happens if it has ended."""
        self.process.send_signal(which)

    def kill(self) -> int | None:
        """SIGKILL, at once; its exit status, None if it was never started."""
        if self._process is None:
            return None
        self._process.kill()
        return self._process.wait()

    def terminate(self) -> int:
        """SIGTERM; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)

    def ended(self, seconds: float = SECONDS) -> int:
        """Wait for it to end by itself; its exit status."""
        return self.process.wait(seconds)

    @property
    def http_port(self) -> int:
        """Where its health server answers.

        Raises:
            OSError: it has not said so yet.
        """
        return int(json.loads(self._address.read_text())["http_port"])

    def get(self, path: str) -> str:
        """An answer of its health server.

        Raises:
            OSError: it does not answer, or with an error.
        """
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=_ANSWER_SECONDS) as answer:
            return str(answer.read().decode())

    def readiness(self) -> str:
        """What it says of being ready; empty where it says nothing yet."""
        try:
            return self.get("/readyz")
        except urllib.error.HTTPError as answer:
            return answer.read().decode()
        except (OSError, ValueError):
            return ""

    def is_ready(self) -> bool:
        """Whether it can do its work now."""
        return self.readiness() == "ok\n"

    def metric(self, series: str) -> float:
        """The value of a series, as `name{label="x"}`; 0 where there is none."""
        values = [line.rpartition(" ") for line in self.get("/metrics").splitlines() if not line.startswith("#")]
        return sum(float(value) for name, _, value in values if name == series)

    def await_metric(self, series: str, value: float) -> None:
        """Wait until a series has a value: a process counts what it did after others can see that it did it."""
        until(lambda: self.metric(series) == value, f"{series} is {value:g}", process=self)
