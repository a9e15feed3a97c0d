"""What the worker's metrics say of refusals and of disks."""

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types import TP

from schemas.reasons import Reason
from schemas.topics import CLICKS
from services.attribution.stream.fetch import Chunk
from services.attribution.worker.metrics import _counted, count_chunk, remember_counted, watch_disks
from services.runtime.metrics import attribution


def value(gauge: object, *labels: str) -> float:
    (family,) = gauge.collect()  # type: ignore[attr-defined]
    found = {tuple(one.labels.values()): one.value for one in family.samples if not one.name.endswith("_created")}
    return found.get(labels, 0.0)


def chunk(first: int, count: int, partition: int = 3) -> Chunk:
    """A chunk of so many clicks."""
    return Chunk(TP(CLICKS.name, partition), first, first + count, 1, [SimpleNamespace(timestamp=0)] * count)


def counted() -> dict[str, float]:
    """Events of the clicks, by what they count as."""
    known = attribution()
    return {
        "read": value(known.consumed, CLICKS.name),
        "repeated": value(known.repeated, CLICKS.name),
        "duplicates": value(known.duplicates, CLICKS.name),
        "rerouted": value(known.rerouted, CLICKS.name),
        "too_late": value(known.refused, CLICKS.name, "too_late"),
        "late": value(known.late, CLICKS.name),
    }


def counts_of(*chunks: Chunk) -> dict[str, float]:
    """What some chunks add, each with three duplicates, two refusals and a stray."""
    before = counted()
    for one in chunks:
        count_chunk(one, 3, [Reason.TOO_LATE, Reason.TOO_MANY], 1, 0.1)
    return {name: now - before[name] for name, now in counted().items() if now != before[name]}


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """No position was counted before a test."""
    _counted.cache_clear()
    yield
    _counted.cache_clear()


def test_an_event_that_came_too_late_counts_as_late_and_as_refused() -> None:
    first = {"read": 10, "duplicates": 3, "rerouted": 1, "too_late": 1, "late": 1}
    assert counts_of(chunk(0, 10)) == first
    assert counts_of(chunk(10, 10)) == first


def test_events_that_are_read_again_count_as_repeated_and_as_nothing_else() -> None:
    counts_of(chunk(0, 10), chunk(10, 10))
    assert counts_of(chunk(0, 10), chunk(10, 10)) == {"repeated": 20}
    assert counts_of(chunk(20, 5))["read"] == 5
    assert counts_of(chunk(0, 10, partition=4))["read"] == 10


def test_what_the_group_had_read_before_the_process_started_counts_as_repeated() -> None:
    remember_counted({(CLICKS.name, 3): 20})
    assert counts_of(chunk(0, 15), chunk(15, 5)) == {"repeated": 20}
    assert counts_of(chunk(20, 5))["read"] == 5


def test_the_room_on_disk_is_looked_up_at_each_scrape_and_a_folder_that_is_away_costs_no_other_metric(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "state"
    watch_disks({"state": folder})
    assert math.isnan(value(attribution().disk_free, "state"))
    folder.mkdir()
    assert 0 < value(attribution().disk_free, "state") <= value(attribution().disk_size, "state")
