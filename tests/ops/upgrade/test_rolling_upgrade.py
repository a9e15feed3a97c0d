"""Every kind of process is exchanged for the next version and back, one at a time, while a shop goes on.

The version before is the last release, installed with its own libraries. Nothing is lost or booked twice: the audit
derives the ledger from the topics by rules of its own, and verify proves the books.
"""

import itertools
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from services.demo.events import Event, record
from services.demo.shop_week import BEGIN, Week, arrivals, shop_week
from services.kernel.time import DAY, format_rfc3339
from services.operations.drain.positions import wait_until_drained
from services.runtime.local.stack import Stack
from services.runtime.publishing import publish
from tests.kit.command import KOC, output_of
from tests.kit.processes import KocProcess
from tests.kit.stacks import empty_database_on, leading_to
from tests.kit.waiting import until
from tests.ops.upgrade.earlier import RELEASE, installed_earlier

ORDERS = 6_000
ROUND_SECONDS = 0.25
ROUNDS = 240
"""The week is published in so many rounds, a minute at least; what the exchange leaves comes at once."""
HAND_OVER_SECONDS = 60
RUNS = (BEGIN + 15 * DAY, BEGIN + 22 * DAY, BEGIN + 28 * DAY)
KINDS = {
    "attribution": ("attribution", "worker"),
    "poster": ("settlement", "poster"),
    "relay": ("settlement", "relay"),
}


class Load:
    """Publishes a week of a shop steadily from a thread; the rest of it at the end of the block."""

    def __init__(self, week: Week) -> None:
        self._log = arrivals(week.log, seed=7)
        self._size = -(-len(self._log) // ROUNDS)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.problem: Exception | None = None
        self.published = 0
        publish(map(record, week.registry))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)
        if self.problem is not None:
            raise self.problem
        publish(map(record, self._log[self.published :]))

    def _run(self) -> None:
        try:
            while not self._ended.wait(ROUND_SECONDS) and (part := self._next()):
                publish(map(record, part))
                self.published += len(part)
        except Exception as problem:  # noqa: BLE001 - told to who waits for the thread
            self.problem = problem

    def _next(self) -> list[Event]:
        return self._log[self.published : self.published + self._size]


@dataclass
class HandOver:
    """One exchange of a process's program."""

    name: str
    to: str
    stopped_seconds: float
    ready_seconds: float


class Fleet:
    """Two of each kind of process, whose program is exchanged one by one."""

    def __init__(self, folder: Path) -> None:
        snapshots = {"KOC_SNAPSHOT_URL": (folder / "snapshots").as_uri(), "KOC_SNAPSHOT_SECONDS": "5"}
        self.hand_overs: list[HandOver] = []
        self.processes = [
            KocProcess(folder / f"{kind}-{number}", f"{kind}-{number}", words, snapshots)
            for (kind, words), number in itertools.product(KINDS.items(), (1, 2))
        ]

    @property
    def workers(self) -> list[KocProcess]:
        """The processes that keep stores."""
        return [process for process in self.processes if process.name.startswith("attribution")]

    def start(self, program: str) -> None:
        """All of them at once."""
        for process in self.processes:
            process.program = program
            process.start()
        for process in self.processes:
            _await_ready(process)

    def exchange(self, program: str, version: str) -> None:
        """One after another: it ends in order, and its successor is ready."""
        for process in self.processes:
            began = time.monotonic()
            assert process.terminate() == 0, process.last_words()
            stopped = time.monotonic()
            process.program = program
            process.start()
            _await_ready(process)
            self.hand_overs.append(HandOver(process.name, version, stopped - began, time.monotonic() - stopped))

    def stop(self) -> None:
        """In order."""
        for process in self.processes:
            assert process.terminate() == 0, process.last_words()

    def kill(self) -> None:
        """Whatever happened."""
        for process in self.processes:
            process.kill()


def _await_ready(process: KocProcess) -> None:
    """Wait until it works or stands by. A relay of v0.1.0 that stands by says that it is not ready."""
    until(
        lambda: process.is_ready() or "standing by" in process.readiness(),
        f"{process.name} is ready",
        HAND_OVER_SECONDS,
        process,
    )


@pytest.fixture(scope="module")
def earlier() -> str:
    """The release's program."""
    return str(installed_earlier())


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Stack]:
    """Kafka and PostgreSQL with an empty database, with settings() leading to them."""
    stack = Stack(tmp_path / "stack", workers=0)
    with ExitStack() as ends:
        ends.callback(stack.reset)
        ends.enter_context(stack)
        ends.enter_context(leading_to(stack))
        ends.enter_context(empty_database_on(stack))
        yield stack


def _said(program: str, *words: str) -> str:
    """What a program of either version prints."""
    done = subprocess.run([program, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _run(program: str, as_of: int) -> None:
    """A settlement run by a program."""
    words = ("settlement", "run", "--as-of", format_rfc3339(as_of), "--reason", "upgrade", "--timeout", "120", "--json")
    assert json.loads(_said(program, *words))


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("servers")
def test_every_process_is_exchanged_under_load_forward_back_and_forward(earlier: str, tmp_path: Path) -> None:
    _said(earlier, "settlement", "migrate")
    assert "v" + _said(earlier, "--version").split()[1] == RELEASE
    fleet = Fleet(tmp_path)
    with ExitStack() as ends:
        ends.callback(fleet.kill)
        fleet.start(earlier)
        with Load(shop_week(ORDERS)) as load:
            _run(earlier, RUNS[0])
            before = load.published
            # expand: the servers first, while the release goes on
            output_of("settlement", "migrate")
            output_of("topics", "apply")
            fleet.exchange(KOC, "next")
            _run(KOC, RUNS[1])
            # back: the release works on the schema and on the stores of the next version
            fleet.exchange(earlier, RELEASE)
            _run(earlier, RUNS[2])
            fleet.exchange(KOC, "next")
            assert load.published > before, "nothing was published meanwhile"
        wait_until_drained(120)
        digests = {_said(program, "ledger", "digest") for program in (earlier, KOC)}
        carried = [process.metric('koc_attribution_stores_opened_total{source="disk"}') for process in fleet.workers]
        fleet.stop()
    assert len(digests) == 1
    output_of("ledger", "verify")
    output_of("ledger", "audit", "--from-topics")
    for one in fleet.hand_overs:
        print(
            f"{one.name:14} to {one.to:7} stopped in {one.stopped_seconds:5.2f} s, ready in {one.ready_seconds:5.2f} s"
        )
    assert any(carried), "no store was carried over"
