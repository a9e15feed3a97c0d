"""When a poster reads what: a reading that takes long comes less often."""

from typing import Any, cast

import pytest

from services.settlement.posting import gauges
from services.settlement.posting.gauges import REST, SEALS_EVERY, SLOW_EVERY, Gauges
from tests.kit.stacks import with_environment

INTERVAL_SECONDS = 5


class Readings:
    """Readings that take a set time, and note at which turn they come."""

    def __init__(self) -> None:
        self.now, self.turn = 0.0, 0
        self.turns: dict[str, list[int]] = {"quick": [], "slow": [], "stuck": [], "rare": [], "seals": []}

    def reading(self, name: str, seconds: float) -> Any:
        def read(*_: object) -> None:
            self.turns[name].append(self.turn)
            self.now += seconds

        return read


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    """One at each turn, one that takes its share of four, one that waits for a lock, one now and then, and seals."""
    made = Readings()
    every = {
        made.reading("quick", 0.001): 1,
        made.reading("slow", 3.5 * INTERVAL_SECONDS / REST): 1,
        made.reading("stuck", 30): 1,
        made.reading("rare", 0.001): 12,
    }
    monkeypatch.setattr(gauges, "_READINGS", every)
    monkeypatch.setattr(gauges, "read_seals", made.reading("seals", 1000))
    monkeypatch.setattr(gauges.time, "perf_counter", lambda: made.now)
    return made


def test_what_takes_long_is_read_less_often_and_what_changes_by_the_day_now_and_then(readings: Readings) -> None:
    with with_environment({"KOC_GAUGE_SECONDS": str(INTERVAL_SECONDS)}):
        thread = Gauges(cast("Any", None))
        for readings.turn in range(SEALS_EVERY + 1):
            thread.take_turn(cast("Any", None))
    assert readings.turns["quick"] == list(range(SEALS_EVERY + 1))
    assert readings.turns["slow"] == list(range(0, SEALS_EVERY + 1, 4))
    assert readings.turns["stuck"] == list(range(0, SEALS_EVERY + 1, SLOW_EVERY)), "no gauge is old for long"
    assert readings.turns["rare"] == list(range(0, SEALS_EVERY + 1, 12))
    assert readings.turns["seals"] == [0, SEALS_EVERY]
