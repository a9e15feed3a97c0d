"""The poster's watch over itself: lag by the broker's word, and an end when records wait but nothing is fetched."""

import pytest
from kafka import TopicPartition

from services.settlement.posting import lag
from services.settlement.posting.lag import STALL_SECONDS, Lag, Stalled

TP = TopicPartition("attribution.credits.v1", 3)


class Broker:
    """A consumer that knows where the log ends."""

    def __init__(self, end: int) -> None:
        self.end = end

    def end_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, self.end)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(lag.time, "monotonic", lambda: now[0])
    return now


def test_a_poster_that_fetches_nothing_while_records_wait_ends_itself(clock: list[float]) -> None:
    watch = Lag(Broker(50))
    for _ in range(int(STALL_SECONDS)):
        clock[0] += 1
        watch.update({TP: 10})
    clock[0] += 2
    with pytest.raises(Stalled, match="40 records wait"):
        watch.update({TP: 10})


def test_a_poster_that_moves_or_has_nothing_to_do_goes_on(clock: list[float]) -> None:
    moving, idle = Lag(Broker(10**6)), Lag(Broker(10))
    for second in range(60):
        clock[0] += 1
        moving.update({TP: second})
        idle.update({TP: 10})


def test_an_idle_time_before_does_not_count_as_a_stall(clock: list[float]) -> None:
    broker = Broker(10)
    watch = Lag(broker)
    for _ in range(60):
        clock[0] += 1
        watch.update({TP: 10})
    broker.end = 11
    clock[0] += 1
    watch.update({TP: 10})
