"""The poster's watch over itself: lag by the broker's word, and an end when records wait but nothing is fetched."""

import math
from types import SimpleNamespace

import pytest
from kafka import TopicPartition

from services.settlement.posting import lag
from services.settlement.posting.lag import STALL_SECONDS, Lag, Stalled
from tests.kit.led_logs import LedLogs

TP, OTHER = TopicPartition("attribution.credits.v1", 3), TopicPartition("attribution.credits.v1", 4)


def broker(end: int) -> LedLogs:
    """A consumer that knows where the logs end."""
    return LedLogs({TP: end, OTHER: end})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(lag.time, "monotonic", lambda: now[0])
    return now


def test_a_poster_that_fetches_nothing_while_records_wait_ends_itself(clock: list[float]) -> None:
    watch = Lag(broker(50))
    for _ in range(int(STALL_SECONDS)):
        clock[0] += 1
        watch.update({TP: 10})
    clock[0] += 2
    with pytest.raises(Stalled, match="40 records wait"):
        watch.update({TP: 10})


def test_a_poster_that_moves_or_has_nothing_to_do_goes_on(clock: list[float]) -> None:
    moving, idle = Lag(broker(10**6)), Lag(broker(10))
    for second in range(60):
        clock[0] += 1
        moving.update({TP: second})
        idle.update({TP: 10})


def test_an_idle_time_before_does_not_count_as_a_stall(clock: list[float]) -> None:
    logs = broker(10)
    watch = Lag(logs)
    for _ in range(60):
        clock[0] += 1
        watch.update({TP: 10})
    logs.ends[TP] = 11
    clock[0] += 1
    watch.update({TP: 10})


@pytest.mark.parametrize("read", [{TP: 10}, {TP: 10, OTHER: 50}], ids=["all", "some"])
def test_a_poster_is_not_ended_by_a_partition_without_a_leader_and_says_so_once(
    read: dict[TopicPartition, int], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[str]] = []
    monkeypatch.setattr(lag, "log", SimpleNamespace(warning=lambda _, partitions: told.append(partitions)))
    logs = broker(50)
    logs.unled = {TP: math.inf}
    watch = Lag(logs)
    for _ in range(60):
        clock[0] += 1
        watch.update(read)
    assert told == [["attribution.credits.v1[3]"]]
    logs.unled = {}
    for _ in range(int(STALL_SECONDS)):
        clock[0] += 1
        watch.update(read)
    clock[0] += 1
    with pytest.raises(Stalled, match="40 records wait"):
        watch.update(read)
