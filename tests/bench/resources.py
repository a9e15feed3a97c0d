"""What each process of deploy/k8s takes: `python -m tests.bench.resources [ORDERS [LINES]]` prints its page's table.

One pod of each process, with its settings, on a stack of its own. A generated shop week is published at once, so that
every process works as fast as it can until all is in the ledger topic; then the jobs run. `idle` is the memory of a
process that has its partitions and nothing to do, `peak` the most that it ever had. CPU is user and system time a
record: it says how many cores a load needs, on any machine of this kind. The console then has books of its own, with so
many lines (console_pod.py). Nothing else should run on the machine.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import psutil

from schemas.topics import CREDITS, LEDGER
from services.demo.events import record
from services.demo.shop_week import arrivals, shop_week
from services.operations.drain.positions import wait_until_drained
from services.runtime.publishing import publish
from services.runtime.topics import log_ends
from services.settlement.books.reader import books_reader
from tests.bench import console_books
from tests.bench.console_pod import measure_console
from tests.bench.taken import HEAD, Taken
from tests.kit.pods import Pod, attempt_measured, cpu_seconds, most_memory
from tests.kit.stacks import stack_of_its_own
from tests.kit.waiting import until

ORDERS = 40_000
LINES = 1_000_000
DRAIN_SECONDS = 1_800


def measure(orders: int) -> Iterator[Taken]:
    """Publish a week of so many orders to one pod of each process, wait, and look."""
    week = shop_week(orders)
    events = [*week.registry, *arrivals(week.log, seed=1)]
    with tempfile.TemporaryDirectory() as name, stack_of_its_own(Path(name) / "stack"), ExitStack() as ends:
        pods = {kind: ends.enter_context(Pod(Path(name), kind, kind)) for kind in ("attribution", "poster", "relay")}
        for pod in pods.values():
            until(pod.is_ready, f"{pod.name} is ready", process=pod)
        idle = {kind: psutil.Process(pod.pid).memory_info().rss for kind, pod in pods.items()}
        before = {kind: cpu_seconds(pod.pid) for kind, pod in pods.items()}
        publish(map(record, events))
        wait_until_drained(DRAIN_SECONDS)
        records = dict(
            zip(pods, (len(events), *(sum(log_ends([t.name]).values()) for t in (CREDITS, LEDGER))), strict=True)
        )
        for kind, pod in pods.items():
            used = cpu_seconds(pod.pid) - before[kind]
            yield Taken(kind, idle[kind], most_memory(pod.pid), used, records[kind])
        for component in ("topics", "migrate", "run"):
            yield Taken(component, None, *attempt_measured(component), None)


def measure_pages(lines: int) -> Iterator[Taken]:
    """Fill books with so many lines, and let a console show them."""
    with tempfile.TemporaryDirectory() as name, stack_of_its_own(Path(name) / "stack"):
        console_books.fill(lines)
        with books_reader() as reader, reader.connect() as connection:
            yield from measure_console(Path(name), connection)


def main() -> int:
    """Measure and print."""
    given = [int(word) for word in sys.argv[1:]]
    orders, lines = (*given, *(ORDERS, LINES)[len(given) :])
    print(f"{orders:,} orders, {lines:,} lines, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    print(HEAD)
    for one in chain(measure(orders), measure_pages(lines)):
        print(one.row(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
