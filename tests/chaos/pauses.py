"""`python -m tests.chaos.pauses`: how long credits stand still when workers die, leave or join, and how late they are.

Two live workers under a steady trickle on all partitions; every figure is the broker's time of a credit minus the
broker's time of the event that it waited for. Figures and bars go to the terminal and to .local/pauses.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from schemas.topics import BUYER_PARTITIONS
from tests.chaos.delays import Delay, delays, of_time, percentile
from tests.chaos.trickle import Trickle
from tests.kit.attribution_group import holders, lag
from tests.kit.attribution_process import Worker
from tests.kit.stacks import stack_of_its_own
from tests.kit.waiting import until

TARGET = Path(__file__).parents[2] / ".local/pauses.json"
EVENTS_PER_SECOND = 240
TENTH_OF_FULL_LOAD = 2_000
"""Events a second: a worker's full load on a machine of two cores is about 20,000."""
_STEADY_SECONDS = 4.0
_LOAD_SECONDS = 30.0
_ALL = set(range(BUYER_PARTITIONS))


class Figure(NamedTuple):
    """One measured figure in seconds, and the bar that it must stay below."""

    name: str
    seconds: float
    bar: float
    what: str

    @property
    def holds(self) -> bool:
        """Whether it stays below its bar."""
        return self.seconds < self.bar


class Phase(NamedTuple):
    """A stretch of time in which one thing was done to the workers, and whose delays count."""

    name: str
    since: float
    until: float
    partitions: set[int]
    bar: float
    what: str


class Pair:
    """Two workers that share the partitions, and what can be done to the second."""

    def __init__(self, folder: Path) -> None:
        self.stays, self.goes = Worker(folder / "stays", "pause-1"), Worker(folder / "goes", "pause-2")
        self.phases: list[Phase] = []

    def start(self) -> None:
        """Both, with half of the partitions each."""
        for worker in (self.stays, self.goes):
            worker.start()
        self.settled()

    def settled(self, workers: int = 2) -> None:
        """Wait until so many hold all partitions and nothing is behind."""
        until(lambda: self._held_by(workers), f"all partitions held by {workers}", 90, self.stays)
        until(lambda: lag() < EVENTS_PER_SECOND * 3, "hardly anything behind", 90, self.stays)
        time.sleep(_STEADY_SECONDS)

    def others(self) -> set[int]:
        """The partitions of the one that stays."""
        return holders()[self.stays.name]

    def phase(self, name: str, bar: float, what: str, partitions: set[int], do: Callable[[], None]) -> None:
        """Do something to the workers and remember when and to whom."""
        print(f"  {what} …", file=sys.stderr, flush=True)
        since = time.time()
        do()
        self.phases.append(Phase(name, since - _STEADY_SECONDS / 2, time.time(), partitions, bar, what))

    def _held_by(self, workers: int) -> bool:
        held = holders()
        return len(held) == workers and set[int]().union(*held.values()) == _ALL

    def end(self) -> None:
        """Both, at once."""
        self.stays.kill()
        self.goes.kill()


def hurt(pair: Pair) -> None:
    """All that can become of the second worker, one after the other."""
    goes = pair.goes

    def come_back() -> None:
        goes.kill()
        goes.start()
        pair.settled()

    def restart() -> None:
        assert goes.terminate() == 0
        goes.start()
        pair.settled()

    def leave() -> None:
        assert goes.terminate() == 0
        pair.settled(1)

    def join() -> None:
        goes.start()
        pair.settled()

    def vanish() -> None:
        goes.kill()
        pair.settled(1)

    others = pair.others()
    pair.phase("killed_back_others", 1, "others, while one is killed and comes back at once", others, come_back)
    pair.phase("rolling_restart_others", 1, "others, while one is restarted cleanly", pair.others(), restart)
    pair.phase("leave", 3, "any partition, while one leaves cleanly", _ALL, leave)
    pair.phase("join", 3, "any partition, while one joins", _ALL, join)
    pair.phase("vanished", 15, "any partition, while one is killed and never comes back", _ALL, vanish)


def pauses() -> list[Figure]:
    """The longest delay in each phase."""
    with fresh_broker() as folder:
        pair = Pair(folder)
        try:
            with Trickle(EVENTS_PER_SECOND, "pause"):
                pair.start()
                hurt(pair)
            until(lambda: lag() == 0, "all durable", 60, pair.stays)
            found = delays()
        finally:
            pair.end()
    return [_longest(phase, found) for phase in pair.phases]


def _longest(phase: Phase, found: list[Delay]) -> Figure:
    there = [delay.milliseconds for delay in of_time(found, phase.since, phase.until, phase.partitions)]
    return Figure(phase.name, max(there) / 1000, phase.bar, phase.what)


def latency() -> list[Figure]:
    """From publish to credit at a tenth of full load on one worker."""
    with fresh_broker() as folder, Worker(folder / "alone", "alone") as worker:
        until(worker.is_ready, "ready", 60, worker)
        print("  a tenth of full load …", file=sys.stderr, flush=True)
        with Trickle(TENTH_OF_FULL_LOAD, "load") as trickle:
            time.sleep(_STEADY_SECONDS)
            since, before = time.time(), trickle.published
            time.sleep(_LOAD_SECONDS)
            ended, rate = time.time(), (trickle.published - before) / _LOAD_SECONDS
        until(lambda: lag() == 0, "all durable", 60, worker)
        found = list(of_time(delays(), since, ended))
    what = f"from publish to credit at {rate:,.0f} events/s, of {len(found):,}"
    return [Figure(f"p{share}", percentile(found, share / 100) / 1000, 1, f"p{share} {what}") for share in (50, 99)]


@contextmanager
def fresh_broker() -> Iterator[Path]:
    """Servers of this measurement's own, and a folder for its workers."""
    with tempfile.TemporaryDirectory() as name, stack_of_its_own(Path(name) / "stack"):
        yield Path(name)


def main() -> int:
    """Measure, print, write; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--only", choices=("pauses", "latency"), help="measure one half")
    asked = parser.parse_args()
    figures = [] if asked.only == "latency" else pauses()
    figures += [] if asked.only == "pauses" else latency()
    said = {one.name: {"seconds": one.seconds, "bar": one.bar, "holds": one.holds} for one in figures}
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(said, indent=1) + "\n")
    if asked.json:
        print(json.dumps(said))
    else:
        for one in figures:
            print(f"{one.seconds:8.3f} s  bar {one.bar:2} s  {'ok  ' if one.holds else 'OVER'}  {one.what}")
    return 0 if all(one.holds for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
