"""Each process is told to stop while events flow, with the settings of deploy/k8s: it ends in time and loses nothing.

The settings decide who waits for whom. An attribution worker comes back under its name, as a StatefulSet brings it; a
poster and a relay are replaced by others, as a Deployment does it. A console answers who asked before.
"""

import re
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from schemas.topics import BUYER_PARTITIONS, CREDITS, REGISTRY
from services.attribution.worker.startup import GROUP as ATTRIBUTION
from services.console.server import STOP_SECONDS
from services.demo.events import record
from services.demo.shop_week import Week, arrivals, shop_week
from services.operations.drain.positions import wait_until_drained
from services.runtime.groups import members
from services.runtime.local.stack import Stack
from services.runtime.publishing import Outgoing, publish
from services.settlement.posting.assignment import GROUP as POSTERS
from tests.kit.command import output_of
from tests.kit.console_process import ConsoleProcess
from tests.kit.pods import Pod, attempt, seconds_until_held
from tests.kit.stacks import stack_of_its_own
from tests.kit.waiting import until

ORDERS = 2_400
STEPS = 6
SLICES_PER_STEP = 40
SLICE_SECONDS = 0.1
START_SECONDS = 120
DRAIN_SECONDS = 150
INPUT_PARTITIONS = 2 * BUYER_PARTITIONS
LEADER = "koc_relay_leader"
CREDIT_PARTITIONS = CREDITS.partitions + REGISTRY.partitions


class Load:
    """Publishes from a thread, a slice every tenth of a second, as far as the current step lets it."""

    def __init__(self, events: Sequence[Outgoing]) -> None:
        size = -(-len(events) // (STEPS * SLICES_PER_STEP))
        self._slices = [events[start : start + size] for start in range(0, len(events), size)]
        self._allowed = self.published = 0
        self._problem: Exception | None = None
        self._more, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def begin_step(self) -> None:
        """Let it publish a step's slices; returns when a third of them is out, so that work is under way."""
        before, self._allowed = self._allowed, self._allowed + SLICES_PER_STEP
        self._more.set()
        self._wait_for(before + SLICES_PER_STEP // 3)

    def end_step(self) -> None:
        """Wait until the step's slices are out."""
        self._wait_for(min(self._allowed, len(self._slices)))

    def _wait_for(self, count: int) -> None:
        until(lambda: self.published >= count or self._problem, f"{count} slices are published")
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            for part in self._slices:
                while self.published >= self._allowed:
                    self._more.wait()
                    self._more.clear()
                began = time.monotonic()
                publish(part)
                self.published += 1
                self._ended.wait(SLICE_SECONDS - (time.monotonic() - began))
        except Exception as problem:  # noqa: BLE001 - told to who waits for the thread
            self._problem = problem


@pytest.fixture(scope="module")
def week() -> Week:
    return shop_week(ORDERS)


@pytest.fixture(scope="module")
def undisturbed(week: Week, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the same events on a stack to which nothing happens."""
    with stack_of_its_own(tmp_path_factory.mktemp("undisturbed"), workers=1):
        publish(map(record, [*week.registry, *arrivals(week.log, seed=1)]))
        wait_until_drained(DRAIN_SECONDS)
        return output_of("ledger", "digest").strip()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Path]:
    """Kafka and PostgreSQL without workers, and a folder for the pods."""
    with stack_of_its_own(tmp_path / "stack"):
        yield tmp_path / "pods"


@pytest.mark.timeout(900)
def test_who_is_told_to_stop_under_load_hands_over_in_seconds_and_loses_nothing(
    undisturbed: str, week: Week, servers: Path
) -> None:
    told: dict[str, str] = {}
    with ExitStack() as pods:
        # Two of each kind, as production has them; the third poster and relay come with a rollout.
        first, second = (pods.enter_context(Pod(servers, "attribution", f"koc-attribution-{n}")) for n in (0, 1))
        posters = [Pod(servers, "poster", f"koc-poster-{n}") for n in "abc"]
        relays = [Pod(servers, "relay", f"koc-relay-{n}") for n in "ab"]
        for pod in (posters[0], posters[1], relays[0]):
            pods.enter_context(pod)
        publish(map(record, week.registry))
        for pod in (first, second, posters[0], posters[1], relays[0]):
            until(pod.is_ready, f"{pod.name} is ready", START_SECONDS, pod)
        seconds_until_held(ATTRIBUTION, {first.name, second.name}, INPUT_PARTITIONS)
        seconds_until_held(POSTERS, {posters[0].name, posters[1].name}, CREDIT_PARTITIONS)
        load = Load([record(event) for event in arrivals(week.log, seed=2)])

        # Attribution: a rollout stops one pod after another, the last one first, and each comes back under its name.
        for pod in (second, first):
            load.begin_step()
            stopped = pod.stop()
            pod.start()
            began = time.monotonic()
            until(pod.is_ready, "it is ready again", START_SECONDS, pod)
            seconds_until_held(ATTRIBUTION, {first.name, second.name}, INPUT_PARTITIONS)
            back = time.monotonic() - began
            told[f"{pod.name} is replaced"] = f"stopped after {stopped:.1f} s, works again {back:.1f} s later"
            load.end_step()

        # Posters: a rollout starts a third one before it stops the first; then one goes for good.
        pods.enter_context(posters[2])
        until(posters[2].is_ready, "a third poster is ready", START_SECONDS, posters[2])
        seconds_until_held(POSTERS, {pod.name for pod in posters}, CREDIT_PARTITIONS)
        for number in (0, 1):
            load.begin_step()
            stopped = posters[number].stop()
            others = {pod.name for pod in posters[number + 1 :]}
            assert posters[number].name not in members(POSTERS), "it left without a word"
            taken = seconds_until_held(POSTERS, others, CREDIT_PARTITIONS)
            told[f"{posters[number].name} goes"] = (
                f"stopped after {stopped:.1f} s, the others have all {taken:.1f} s later"
            )
            load.end_step()

        # The relay: another stands by, and is elected.
        pods.enter_context(relays[1])
        until(relays[1].is_ready, "another relay stands by", START_SECONDS, relays[1])
        assert (relays[0].metric(LEADER), relays[1].metric(LEADER)) == (1, 0)
        load.begin_step()
        stopped, ended_at = relays[0].stop(), time.monotonic()
        until(lambda: relays[1].metric(LEADER) == 1, "it is elected", process=relays[1])
        elected = time.monotonic() - ended_at
        told["koc-relay-a goes"] = f"stopped after {stopped:.1f} s, the other is elected {elected:.1f} s later"
        load.end_step()

        # Attribution is scaled down: the pod does not come back, and the other waits until its session has ended.
        load.begin_step()
        stopped = second.stop()
        taken = seconds_until_held(ATTRIBUTION, {first.name}, INPUT_PARTITIONS)
        told[f"{second.name} goes"] = f"stopped after {stopped:.1f} s, the other has all {taken:.1f} s later"
        load.end_step()

        wait_until_drained(DRAIN_SECONDS)
        print(*(f"{what:32} {figures}" for what, figures in told.items()), sep="\n")
        output_of("ledger", "verify")
        assert output_of("ledger", "digest").strip() == undisturbed
        _settle_and_close()
        for pod in (first, posters[2], relays[1]):
            pod.stop()


def _settle_and_close() -> None:
    """The CronJobs' commands with their settings; months before the last one are closed as a person would."""
    run = attempt("run")
    assert run.returncode == 0, run.stderr
    assert attempt("run").stdout.splitlines()[0] != run.stdout.splitlines()[0], "the same day again is the same run"
    while (closed := attempt("close")).returncode == 65:
        missing = re.search(r"the month to close next is (\d{4}-\d{2})", closed.stderr)
        assert missing, closed.stderr
        output_of("period", "close", missing[1])
    assert closed.returncode == 0, closed.stderr
    output_of("ledger", "verify")


def test_a_console_that_is_told_to_stop_answers_who_asked_before_and_nobody_else(
    on_stack: Stack, tmp_path: Path
) -> None:
    with (
        ConsoleProcess(tmp_path / "console") as console,
        psycopg.connect(on_stack.superuser_dsn("koc")) as books,
        ThreadPoolExecutor(1) as person,
    ):
        address = console.address
        books.execute("LOCK TABLE line IN ACCESS EXCLUSIVE MODE")
        page = person.submit(_status, f"{address}/order/o_1")
        until(lambda: _waiting_for_locks(on_stack), "the page waits for the books", process=console)
        console.send_signal(signal.SIGTERM)
        until(lambda: not _listens(address), "nobody else is let in")
        assert not page.done()
        assert console.is_running
        books.rollback()
        assert page.result(STOP_SECONDS) == 200
        assert console.ended(STOP_SECONDS) == 0


def _status(address: str) -> int:
    """What a page is answered with."""
    with urllib.request.urlopen(address, timeout=STOP_SECONDS) as answer:  # noqa: S310 - the console's own
        return int(answer.status)


def _waiting_for_locks(stack: Stack) -> int:
    """How many sessions of the books wait for a lock."""
    with psycopg.connect(stack.superuser_dsn("koc")) as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'koc' AND wait_event_type = 'Lock'"
        return int(connection.execute(waiting).fetchall()[0][0])


def _listens(address: str) -> bool:
    """Whether somebody new is let in."""
    where = urlsplit(address)
    try:
        with socket.create_connection((where.hostname, where.port)):
            return True
    except ConnectionRefusedError:
        return False
