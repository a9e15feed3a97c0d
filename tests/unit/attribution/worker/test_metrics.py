"""What the worker's metrics say of refusals and of disks."""

import math
from pathlib import Path

from schemas.reasons import Reason
from schemas.topics import CLICKS
from services.attribution.worker.metrics import count_refusal, watch_disks
from services.runtime.metrics import attribution


def value(gauge: object, *labels: str) -> float:
    (family,) = gauge.collect()  # type: ignore[attr-defined]
    found = {tuple(one.labels.values()): one.value for one in family.samples if not one.name.endswith("_created")}
    return found.get(labels, 0.0)


def test_a_refusal_that_came_too_late_counts_as_late_and_no_other_does() -> None:
    metrics = attribution()
    late, refused = value(metrics.late, CLICKS.name), value(metrics.refused, CLICKS.name, "too_late")
    count_refusal(CLICKS.name, Reason.TOO_LATE)
    count_refusal(CLICKS.name, Reason.TOO_MANY)
    assert value(metrics.late, CLICKS.name) == late + 1
    assert value(metrics.refused, CLICKS.name, "too_late") == refused + 1


def test_the_room_on_disk_is_looked_up_at_each_scrape_and_a_folder_that_is_away_costs_no_other_metric(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "state"
    watch_disks({"state": folder})
    assert math.isnan(value(attribution().disk_free, "state"))
    folder.mkdir()
    assert 0 < value(attribution().disk_free, "state") <= value(attribution().disk_size, "state")
