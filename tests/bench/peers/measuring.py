"""One run: CPU of a contender's process from ready until all input is consumed and committed."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psutil

from schemas.topics import CREDITS
from services.runtime.kafka import admin
from services.runtime.topics import log_ends, log_starts, wanted_config
from tests.bench.peers.contenders import Contender, Place
from tests.kit.attribution_group import INPUTS

_MICRO = 1_000_000
_POLL_SECONDS = 0.2
_STALLED_SECONDS = 120.0


class Sample(NamedTuple):
    """How far a contender was at a moment, and what it had used."""

    committed: int
    seconds: float
    cpu_seconds: float


class Run(NamedTuple):
    """What was measured.

    Attributes:
        second_half_us: CPU microseconds an event after half of the input, when a JIT compiler has seen it all.
        output: (topic, partition) -> the offsets [from, to) that the run has published.
    """

    cpu_us_per_event: float
    second_half_us: float
    events_per_second: float
    output: dict[tuple[str, int], tuple[int, int]]


def measure(contender: Contender, place: Place, label: str) -> Run:
    """Run a contender over all that the input topics hold."""
    with admin() as client:
        _create(client, place.topic)
        starts, ends = log_starts(INPUTS), log_ends(INPUTS)
        total = sum(ends.values()) - sum(starts.values())
        before = log_ends([place.topic])
        with contender.running(place) as process:
            samples = list(_samples(client, place.group, starts, total, process, label))
    after = log_ends([place.topic])
    return run_of(samples, total, {at: (before[at], after[at]) for at in after})


def run_of(samples: list[Sample], total: int, output: dict[tuple[str, int], tuple[int, int]]) -> Run:
    """What samples from ready to the end say of so many input records."""
    first, last = samples[0], samples[-1]
    half = next(sample for sample in samples if sample.committed >= total / 2)
    events_per_second = (last.committed - first.committed) / (last.seconds - first.seconds)
    return Run(_cpu_us(first, last), _cpu_us(half, last), events_per_second, output)


def _create(client: Any, topic: str) -> None:
    """The output topic, with the settings of ours."""
    if topic != CREDITS.name:
        config = wanted_config(CREDITS, replicas=1)
        client.create_topics(
            {topic: {"num_partitions": CREDITS.partitions, "replication_factor": 1, "configs": config}},
            wait_for_metadata=True,
        )


def _samples(
    client: Any, group: str, starts: dict[tuple[str, int], int], total: int, process: psutil.Process, label: str
) -> Iterator[Sample]:
    """Samples from now until everything is committed.

    Raises:
        AssertionError: nothing was committed for a while.
    """
    committed, moved_at = -1, time.perf_counter()
    while committed < total:
        times = process.cpu_times()
        now = time.perf_counter()
        done = _committed(client, group, starts)
        if done > committed:
            committed, moved_at = done, now
            yield Sample(committed, now, times.user + times.system)
            if sys.stdout.isatty():
                print(f"\r{label} {100 * committed // total} %", end="", flush=True)
        elif now - moved_at > _STALLED_SECONDS:
            raise AssertionError(f"{label}: {committed} of {total} committed, and no more for {_STALLED_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)


def _committed(client: Any, group: str, starts: dict[tuple[str, int], int]) -> int:
    """Input records that the group has committed."""
    offsets = client.list_group_offsets({group: None})[group]
    found = {(at.topic, at.partition): held.offset for at, held in offsets.items()}
    return sum(max(0, found.get(at, start) - start) for at, start in starts.items())


def _cpu_us(since: Sample, until: Sample) -> float:
    """CPU microseconds an event between two samples."""
    events = until.committed - since.committed
    return (until.cpu_seconds - since.cpu_seconds) / events * _MICRO if events else 0.0


@contextmanager
def cleared(place: Place) -> Iterator[None]:
    """Have Kafka forget the topics that a peer's run made, its changelog among them: a round takes gigabytes."""
    try:
        yield
    finally:
        with admin() as client:
            made = [name for name in client.list_topics() if place.group in name or name == place.topic]
            if doomed := [name for name in made if name != CREDITS.name]:
                client.delete_topics(doomed)
