"""Every kind of process is exchanged for the next version and back, one at a time, while a shop goes on.

The version before is the last release, installed with its own libraries. Nothing is lost or booked twice: the audit
derives the ledger from the topics by rules of its own, and verify proves the books. The release has no console: one of
the next version shows its pages as soon as the schema is there, whichever version writes the books.
"""

import itertools
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import Row, text

from services.demo.events import record
from services.demo.shop_week import BEGIN, Week, arrivals, shop_week
from services.kernel.time import DAY, format_rfc3339
from services.operations.drain.positions import ATTRIBUTION_GROUP, wait_until_drained
from services.runtime.groups import positions
from services.runtime.local.stack import Stack
from services.runtime.publishing import publish
from services.settlement.books.reader import books_reader
from tests.kit.command import KOC, output_of
from tests.kit.console_process import ConsoleProcess
from tests.kit.processes import KocProcess
from tests.kit.stacks import empty_database_on, leading_to
from tests.kit.waiting import until
from tests.ops.upgrade.earlier import RELEASE, installed_earlier

ORDERS = 6_000
ROUND_SECONDS = 0.25
ROUNDS = 240
"""The week is published in so many rounds, a minute at least; what the exchange leaves comes at once."""
HAND_OVER_SECONDS = 180
PAGE_SECONDS = 30
RUNS = (BEGIN + 15 * DAY, BEGIN + 22 * DAY, BEGIN + 28 * DAY)
KINDS = {
    "attribution": ("attribution", "worker"),
    "poster": ("settlement", "poster"),
    "relay": ("settlement", "relay"),
}


class Background:
    """Does a part of its work every quarter of a second from a thread, until the block ends or nothing is left to do.

    What goes wrong in the thread goes wrong at the end of the block.
    """

    def __init__(self, name: str) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._problem: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            while not self._ended.wait(ROUND_SECONDS) and self.work():
                pass
        except Exception as problem:  # noqa: BLE001 - told to who waits for the thread
            self._problem = problem

    def work(self) -> bool:
        """Do a part; False = it was the last."""
        raise NotImplementedError


class Load(Background):
    """Publishes a week of a shop steadily; the rest of it at the end of the block."""

    def __init__(self, week: Week) -> None:
        super().__init__("load")
        self._log = arrivals(week.log, seed=7)
        self._size = -(-len(self._log) // ROUNDS)
        self.published = 0
        publish(map(record, week.registry))

    def __exit__(self, *ends: object) -> None:
        super().__exit__(*ends)
        publish(map(record, self._log[self.published :]))

    def work(self) -> bool:
        """A round."""
        part = self._log[self.published : self.published + self._size]
        publish(map(record, part))
        self.published += len(part)
        return bool(part)


class Reader(Background):
    """Reads pages of a console in turn; one that is not shown, or lacks its words, is an error.

    Args:
        console: shows them.
        pages: path -> what must stand there.

    Attributes:
        read: how many pages were shown.
    """

    def __init__(self, console: ConsoleProcess, pages: Mapping[str, str]) -> None:
        super().__init__("reader")
        self._address, self._pages = console.address, pages
        self._turn = itertools.cycle(pages.items())
        self.read = 0

    def work(self) -> bool:
        """A page."""
        page, wanted = next(self._turn)
        try:
            with urllib.request.urlopen(self._address + page, timeout=PAGE_SECONDS) as answer:  # noqa: S310 - loopback
                shown = answer.read().decode()
        except urllib.error.HTTPError as answer:
            raise AssertionError(f"{page} is answered with {answer.code}: {answer.read().decode()}") from None
        assert wanted in shown, page
        self.read += 1
        return True

    def await_all(self) -> None:
        """Wait until every page was shown after this call."""
        wanted = self.read + len(self._pages) + 1
        until(lambda: self.read >= wanted or self._problem, "the console shows its pages")
        assert self.read >= wanted, self._problem


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
    """Wait until it works or stands by."""
    until(process.is_ready, f"{process.name} is ready", HAND_OVER_SECONDS, process)


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


def _booked_order() -> tuple[str, str]:
    """An order whose line is in the books, and the KOC that it credits."""
    found: list[Row[Any]] = []
    with books_reader() as reader:

        def is_booked() -> bool:
            with reader.connect() as connection:
                found[:] = connection.execute(text("SELECT order_id, koc_ids[1] FROM line WHERE standing LIMIT 1"))
            return bool(found)

        until(is_booked, "an order is in the books")
    ((order, koc),) = found
    return order, koc


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("servers")
def test_every_process_is_exchanged_under_load_forward_back_and_forward(earlier: str, tmp_path: Path) -> None:
    _said(earlier, "settlement", "migrate")
    assert "v" + _said(earlier, "--version").split()[1] == RELEASE
    fleet = Fleet(tmp_path)
    with ExitStack() as ends:
        ends.callback(fleet.kill)
        positions(ATTRIBUTION_GROUP)  # the release gives up where a new cluster still makes its first coordinator
        fleet.start(earlier)
        with Load(shop_week(ORDERS)) as load:
            _run(earlier, RUNS[0])
            before = load.published
            # expand: the servers first, while the release goes on
            output_of("settlement", "migrate")
            output_of("topics", "apply")
            console = ends.enter_context(ConsoleProcess(tmp_path / "console"))
            order, koc = _booked_order()
            reader = ends.enter_context(Reader(console, {"/": "Overview", f"/order/{order}": koc}))
            reader.await_all()
            fleet.exchange(KOC, "next")
            _run(KOC, RUNS[1])
            # back: the release works on the schema and on the stores of the next version
            fleet.exchange(earlier, RELEASE)
            _run(earlier, RUNS[2])
            reader.await_all()
            fleet.exchange(KOC, "next")
            assert load.published > before, "nothing was published meanwhile"
        wait_until_drained(120)
        reader.await_all()
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
