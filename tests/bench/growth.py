"""How the worker's cost grows: with the size of its state, beside Kafka Streams, and with the number of workers.

`python -m tests.bench.growth` on a machine that does nothing else; about ten minutes. The state of 16x is that
of sixteen times the buyers with the same history each; every size has a broker of its own. Workers beside each other
share the partitions of one log; with the broker on the same cores throughput ends where the cores do, and CPU an event
says what each of them costs. Figures go to .local/bench-growth.json.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from services.runtime.settings import REPOSITORY
from tests.bench.peers import contenders, measuring
from tests.bench.peers.contenders import Contender, Place
from tests.bench.peers.publishing import publish
from tests.kit.attribution_process import Worker
from tests.kit.stacks import stack_of_its_own
from tests.kit.waiting import until

TARGET = REPOSITORY / ".local/bench-growth.json"
EVENTS = 125_000
SIZES, WORKERS = (1, 4, 16), (1, 2)
EVENTS_OF_WORKERS = 1_000_000
_PEER = "kafka_streams_rocksdb"


class _Cpu(NamedTuple):
    user: float
    system: float


class Together:
    """Several processes whose CPU time is one figure."""

    def __init__(self, pids: list[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]

    def cpu_times(self) -> _Cpu:
        """What all of them have used."""
        times = [process.cpu_times() for process in self._processes]
        return _Cpu(sum(one.user for one in times), sum(one.system for one in times))


def workers(count: int) -> Contender:
    """So many of our workers in one group."""
    ours = contenders.ALL["ours"]

    @contextmanager
    def running(place: Place) -> Iterator[Any]:
        until(lambda: contenders.forgotten(place.group), "the last worker's session is over")
        with ExitStack() as stack:
            started = [stack.enter_context(_worker(place, number)) for number in range(1, count + 1)]
            for worker in started:
                until(worker.is_ready, f"{worker.name} is ready", process=worker)
            yield Together([worker.pid for worker in started])
            for worker in started:
                worker.terminate()

    return Contender(f"workers_{count}", ours.place, running)


def _worker(place: Place, number: int) -> Worker:
    snapshots = {"KOC_SNAPSHOT_URL": (place.folder / "snapshots").as_uri()}
    return Worker(place.folder / str(number), f"attribution-{number}", snapshots)


def measured(contender: Contender, folder: Path, rounds: int) -> list[dict[str, float]]:
    """Figures of each round."""
    found = []
    for number in range(1, rounds + 1):
        place = contender.place(folder / contender.name, number)
        with measuring.cleared(place):
            run = measuring.measure(contender, place, f"{contender.name}, round {number}")
        figures = {
            "cpu_us_per_event": round(run.cpu_us_per_event, 2),
            "second_half_cpu_us_per_event": round(run.second_half_us, 2),
            "events_per_second": round(run.events_per_second),
        }
        print(f"  {contender.name}, round {number}: {json.dumps(figures)}", flush=True)
        found.append(figures)
    return found


@contextmanager
def log_of(events: int, folder: Path) -> Iterator[None]:
    """A broker that holds so many events."""
    with stack_of_its_own(folder / "stack"):
        print(f"{events:,} events", flush=True)
        publish(events, seed=events)
        yield


def main() -> None:
    """Measure, print, and write what a program reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["sizes", "workers"])
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    figures: dict[str, Any] = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    if asked.only != "workers":
        figures["sizes"] = {f"{size}x": _size(size, asked.rounds) for size in SIZES}
    if asked.only != "sizes":
        with tempfile.TemporaryDirectory() as folder, log_of(EVENTS_OF_WORKERS, Path(folder)):
            figures["workers"] = {str(n): measured(workers(n), Path(folder), asked.rounds) for n in WORKERS}
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(figures, indent=1) + "\n")


def _size(size: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    with tempfile.TemporaryDirectory() as folder, log_of(EVENTS * size, Path(folder)):
        return {name: measured(contenders.ALL[name], Path(folder), rounds) for name in ("ours", _PEER)}


if __name__ == "__main__":
    main()
