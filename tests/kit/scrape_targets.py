"""The processes that a test's Prometheus scrapes: found by name, and found again under a new port when they restart."""

import contextlib
import json
import threading
from collections import defaultdict
from pathlib import Path
from typing import Self

from services.runtime.local.stack import Stack
from tests.kit.processes import KocProcess

JOBS = ("attribution", "poster", "relay", "console")
_LOOK_SECONDS = 0.1


class ScrapeTargets:
    """A file a job that Prometheus reads again whenever it changes; kept up to date until the block ends.

    A process is an instance by its name, such as poster-1. One that is down keeps its last address: then its scrapes
    fail, as those of a pod do.

    Args:
        folder: for the files.
        stack: its workers are targets.
    """

    def __init__(self, folder: Path, stack: Stack) -> None:
        self._folder, self._stack = folder, stack
        self._processes: list[KocProcess] = []
        self._ports: dict[str, int] = {}
        self._written: dict[str, int] | None = None
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="scrape-targets", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def files(self, job: str) -> str:
        """The file of a job."""
        return str(self._folder / f"targets-{job}.json")

    def add(self, process: KocProcess) -> None:
        """Scrape a process of the test's own too, as soon as it says where."""
        with self._turn:
            self._processes.append(process)

    def remove(self, process: KocProcess) -> None:
        """Scrape it no more."""
        with self._turn:
            self._processes.remove(process)
            self._ports.pop(process.name, None)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        with self._turn:
            for process in self._stack.processes():
                if process["http_port"] is not None:
                    self._ports[process["name"]] = process["http_port"]
            for process in self._processes:
                with contextlib.suppress(OSError):
                    self._ports[process.name] = process.http_port
            if self._ports != self._written:
                self._write()
                self._written = dict(self._ports)

    def _write(self) -> None:
        found = defaultdict(list)
        for name, port in sorted(self._ports.items()):
            target = {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": name}}
            found[name.rpartition("-")[0]].append(target)
        for job in JOBS:
            partial = self._folder / f"targets-{job}.partial"
            partial.write_text(json.dumps(found[job]))
            partial.replace(self.files(job))
