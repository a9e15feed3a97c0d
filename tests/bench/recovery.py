"""How long a worker takes to be back after its disk is lost, as the log grows: `python -m tests.bench.recovery`.

The log holds 1, 4 and 16 months of one shop. The live state is about the same at each, because the horizons forget:
orders after 15 days here, so that a month shows it. Each time the worker stops with a snapshot, a tail of events comes
that no snapshot holds, and the disk is lost. Seconds are from the start of the process until partitions are assigned,
stores restored and the whole tail is durable; beside it, what reading the log again from its start takes.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from schemas.topics import CLICKS, ORDERS
from services.attribution.policy.file import POLICY_FILE
from services.runtime.topics import log_ends
from tests.kit.attribution_group import INPUTS
from tests.kit.attribution_process import Worker, drained
from tests.kit.events import click, paid, send_events
from tests.kit.stacks import stack_of_its_own

MONTHS = (1, 4, 16)
EVENTS_A_MONTH = 25_000
TAIL = 1_000
CLICKS_PER_ORDER = 3
_BUYERS = 500
_MONTH_HOURS = 30 * 24


class Figure(NamedTuple):
    """Back after the loss of the disk.

    Attributes:
        cpu_seconds: of the worker meanwhile, which do not depend on what else the machine does.
        events_read: by the worker that was restored.
        replayed_seconds: the same with neither disk nor snapshot; 0 = not measured.
    """

    months: int
    log_events: int
    state_bytes: int
    seconds: float
    cpu_seconds: float
    events_read: int
    replayed_seconds: float


class Shop:
    """A worker with short horizons over a log that grows by the month, up to the present.

    Args:
        folder: of worker, policies and snapshots.
        months: how many there will be in the end.
    """

    def __init__(self, folder: Path, months: int, events_a_month: int) -> None:
        self._folder, self._events_a_month = folder, events_a_month
        self._hour = -float(months * _MONTH_HOURS)
        self._number = 0
        policies = folder / "policies.toml"
        policies.write_text(POLICY_FILE.read_text().replace("order_memory_days = 180", "order_memory_days = 15"))
        self.environment = {"KOC_SNAPSHOT_SECONDS": "3600", "KOC_POLICY_FILE": str(policies)}
        self.worker = Worker(folder / "worker", environment=self.environment)

    def grow(self, events: int) -> None:
        """Publish so many events, at the rate of the shop."""
        said = list(self._said(events))
        send_events(CLICKS.name, [event for event in said if event["event_type"] == "click"])
        send_events(ORDERS.name, [event for event in said if event["event_type"] != "click"])

    def months(self, count: int) -> None:
        """Publish so many months, and have the worker read them and stop with a snapshot."""
        for _ in range(count):
            self.grow(self._events_a_month)
        self.worker.start()
        drained(self.worker, 240)
        assert self.worker.terminate() == 0

    def back(self, **environment: str) -> tuple[float, float, int, int]:
        """Lose the disk and start: (seconds, of CPU, events read, bytes of state)."""
        self.worker.kill()
        shutil.rmtree(self.worker.folder / "state")
        before = dict(self.environment)
        self.environment.update(environment)
        began = time.perf_counter()
        self.worker.start()
        drained(self.worker, 240)
        seconds = time.perf_counter() - began
        cpu_seconds = sum(psutil.Process(self.worker.pid).cpu_times()[:2])
        self.environment.clear()
        self.environment.update(before)
        read = self.worker.metric("koc_attribution_batch_records_sum")
        return seconds, cpu_seconds, int(read), int(self.worker.metric("koc_attribution_state_bytes"))

    def measure(self, months: int, *, replay: bool) -> Figure:
        """Lose the disk with a tail to catch up; then, if wanted, once more without any snapshot."""
        self.grow(TAIL)
        seconds, cpu_seconds, read, state_bytes = self.back()
        replayed = 0.0
        if replay:
            assert self.worker.terminate() == 0
            self.grow(CLICKS_PER_ORDER + 1)
            replayed, *_ = self.back(KOC_SNAPSHOT_URL=(self._folder / f"none-{months}").as_uri())
        assert self.worker.terminate() == 0
        log_events = sum(log_ends(INPUTS).values())
        return Figure(
            months, log_events, state_bytes, round(seconds, 2), round(cpu_seconds, 2), read, round(replayed, 2)
        )

    def _said(self, events: int) -> Iterator[dict[str, Any]]:
        for _ in range(events):
            self._number += 1
            self._hour += _MONTH_HOURS / self._events_a_month
            name, buyer = f"n_{self._number}", f"b_{self._number * 7919 % _BUYERS}"
            yield (
                click(buyer, name, self._hour)
                if self._number % (CLICKS_PER_ORDER + 1)
                else paid(buyer, name, self._hour)
            )


def run(folder: Path, months: tuple[int, ...] = MONTHS, events_a_month: int = EVENTS_A_MONTH, *,
        replay: bool = True) -> Iterator[Figure]:  # fmt: skip
    """A figure for each length of the log, on the broker that settings lead to."""
    shop, there = Shop(folder, max(months) + len(months), events_a_month), 0
    try:
        for wanted in months:
            shop.months(wanted - there)
            there = wanted
            yield shop.measure(wanted, replay=replay)
    finally:
        shop.worker.kill()


def main() -> None:
    """Print the figures as they come, and as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="a list of figures instead of a table")
    as_json = parser.parse_args().json
    figures = []
    with tempfile.TemporaryDirectory() as folder, stack_of_its_own(Path(folder) / "stack"):
        print("months  log events  state bytes  back, s  events read  by replay, s", file=sys.stderr, flush=True)
        for one in run(Path(folder)):
            figures.append(one._asdict())
            if not as_json:
                print(f"{one.months:6}{one.log_events:12,}{one.state_bytes:13,}{one.seconds:9.2f}{one.events_read:13,}"
                      f"{one.replayed_seconds:14.2f}", flush=True)  # fmt: skip
    if as_json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
