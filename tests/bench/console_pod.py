"""What the console of deploy/k8s takes: a report of every line, pages that four people open, the CSV of a long table.

The books are those of `tests.bench.console`: a year of lines. Memory is that of the console and of the process that
computes a report, added up, so it is what a limit of the pod has to allow. Files are those below /tmp that only an open
descriptor names any more, as SQLite's are.
"""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from sqlalchemy import Connection, text

from services.settlement.domain.reporting.grouping import SalesBy
from tests.bench.console import pages
from tests.bench.taken import Taken
from tests.kit.console_process import address_of
from tests.kit.pods import CONSOLE_TOKEN, Pod
from tests.kit.waiting import until

READERS = 4
"""People who open pages at once."""

ROUNDS = 5
"""Times that each page is opened."""

_REPORT_SECONDS = 1_800.0
_LOOK_SECONDS = 0.05
_UNAVAILABLE = 503


class ConsolePod(Pod):
    """The console as its manifest starts it, and a program that reads its pages."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "console", "console")

    def page(self, path: str) -> bytes:
        """An answer of its pages.

        Raises:
            urllib.error.HTTPError: it answers with an error.
        """
        shown = {"authorization": f"Bearer {CONSOLE_TOKEN}"}
        request = urllib.request.Request(address_of(self) + path, headers=shown)  # noqa: S310 - the console's own
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - likewise
            return bytes(answer.read())


class Observed:
    """The most memory and temporary files of a process and its children while the block lasts, looked at often."""

    def __init__(self, pid: int) -> None:
        self.peak, self.files, self.cpu_seconds = 0, 0, 0.0
        self._process, self._ended = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self.cpu_seconds = -self._cpu()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.cpu_seconds += self._cpu()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            memory, files = 0, 0
            for process in (self._process, *self._process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess, OSError):  # it ends in between
                    memory += process.memory_info().rss
                    files += _unnamed_files(process.pid)
            self.peak, self.files = max(self.peak, memory), max(self.files, files)

    def _cpu(self) -> float:
        """Of the process and of its children that have ended."""
        times = self._process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)


def measure_console(folder: Path, connection: Connection) -> Iterator[Taken]:
    """Start the pod, and let it work on a filled book.

    Args:
        folder: for its log.
        connection: to that book, of the reader role.
    """
    with ConsolePod(folder) as pod:
        until(pod.is_ready, "the console is ready", process=pod)
        idle = psutil.Process(pod.pid).memory_info().rss
        (lines,) = connection.execute(text("SELECT count(*) FROM line")).scalars()
        yield _taken(pod, "console, a report", lambda: _report(pod, lines), idle)
        opened = [page for page in pages(connection) for _ in range(ROUNDS)]
        yield _taken(pod, "console, pages", lambda: _open(pod, opened))
        long = "/party/koc:k_0?csv=lines"
        yield _taken(pod, "console, a CSV", lambda: pod.page(long).count(b"\n") - 1)


def _taken(pod: ConsolePod, name: str, work: Callable[[], int], idle: int | None = None) -> Taken:
    """What some work took; the work says how many records it was for."""
    with Observed(pod.pid) as observed:
        records = work()
    return Taken(name, idle, observed.peak, observed.cpu_seconds, records, observed.files)


def _open(pod: ConsolePod, opened: list[str]) -> int:
    with ThreadPoolExecutor(READERS) as readers:
        return len(list(readers.map(pod.page, opened)))


def _report(pod: ConsolePod, lines: int) -> int:
    """Ask for the report of all contents, which other pages need too, and for its CSV once it is there."""

    def is_there() -> bool:
        try:
            pod.page(f"/reports?by={SalesBy.CONTENT}&csv=rows")
        except urllib.error.HTTPError as answer:
            if answer.code == _UNAVAILABLE:
                return False
            raise
        return True

    until(is_there, "the report is computed", _REPORT_SECONDS, pod)
    return lines


def _unnamed_files(pid: int) -> int:
    """Bytes of open files that have no name any more."""
    found = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed in between
            name = str(descriptor.readlink())
            if name.endswith(" (deleted)") and not name.startswith("/memfd:"):
                found += descriptor.stat().st_blocks * 512
    return found
