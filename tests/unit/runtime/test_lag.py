"""Lag is what the brokers and the clock say, whatever the reader does."""

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

from schemas.topics import CLICKS
from services.runtime import lag
from services.runtime.lag import LagWatch
from services.runtime.metrics import common
from tests.kit.led_logs import LedLogs
from tests.kit.waiting import until

PLACE = (CLICKS.name, 3)
OTHER = (CLICKS.name, 4)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the process, Unix seconds."""
    now = [1_000.0]
    monkeypatch.setattr(lag.time, "time", lambda: now[0])
    return now


@pytest.fixture
def watch() -> Iterator[LagWatch]:
    """A watch whose series are gone afterwards."""
    made = LagWatch()
    yield made
    made.assign({})


def shown() -> dict[tuple[str, int], tuple[float, float]]:
    """Records and seconds, by topic and partition."""
    families = [gauge.collect()[0].samples for gauge in (common().lag_records, common().lag_seconds)]
    return {
        (records.labels["topic"], int(records.labels["partition"])): (records.value, seconds.value)
        for records, seconds in zip(*families, strict=True)
    }


def ends(end: int) -> LedLogs:
    """Both logs end there."""
    return LedLogs({TopicPartition(*PLACE): end, TopicPartition(*OTHER): end})


def test_the_moment_of_the_last_answer_is_shown_once_there_is_one(clock: list[float], watch: LagWatch) -> None:
    watch._ask(ends(15))  # nothing is read yet, so nobody is asked
    before = [sample.value for sample in next(iter(common().kafka_answered.collect())).samples]
    watch.assign({PLACE: 10})
    clock[0] += 30
    watch._ask(ends(15))
    [answered] = [sample.value for sample in next(iter(common().kafka_answered.collect())).samples]
    assert answered == clock[0]
    assert answered not in before
    assert shown() == {PLACE: (5, 30)}


def test_no_failure_ends_the_watch_and_each_kind_is_said_once(monkeypatch: pytest.MonkeyPatch, watch: LagWatch) -> None:
    problems: list[Exception] = [UnknownTopicOrPartitionError("a"), UnknownTopicOrPartitionError("b")]
    problems += [KeyError("a"), OSError(24, "Too many open files"), OSError(24, "Too many open files")]
    told: list[str] = []

    def connect() -> Any:
        if problems:
            raise problems.pop(0)
        return nullcontext(ends(15))

    monkeypatch.setattr(lag, "log_reader", connect)
    monkeypatch.setattr(lag, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(lag, "log", SimpleNamespace(warning=lambda _, kind, reason: told.append(f"{kind}: {reason}")))
    watch.assign({PLACE: 10})
    watch.start()
    until(lambda: shown()[PLACE][0] == 5, "it looked again")
    assert [line.partition(":")[0] for line in told] == ["UnknownTopicOrPartitionError", "KeyError", "OSError"]


def test_a_partition_without_a_leader_keeps_its_records_and_ages_and_the_others_go_on(
    clock: list[float], watch: LagWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(lag, "log", SimpleNamespace(warning=lambda _, partitions: told.append(partitions)))
    logs = ends(15)
    watch.assign({PLACE: 10, OTHER: 10})
    watch._ask(logs)
    logs.unled = {TopicPartition(*OTHER): 2}
    logs.ends[TopicPartition(*PLACE)] = 18
    for _ in range(2):
        clock[0] += 30
        watch._ask(logs)
    assert shown() == {PLACE: (8, 60), OTHER: (5, 60)}
    logs.ends[TopicPartition(*OTHER)] = 16
    watch._ask(logs)
    assert shown()[OTHER] == (6, 60)
    assert told == [[f"{OTHER[0]}[{OTHER[1]}]"]]


def test_a_reader_that_stands_still_falls_behind_by_the_second(clock: list[float], watch: LagWatch) -> None:
    watch.assign({PLACE: 10})
    watch.look({PLACE: 10})
    assert shown() == {PLACE: (0, 0)}
    clock[0] += 1
    watch.look({PLACE: 15})
    assert shown() == {PLACE: (5, 1)}
    clock[0] += 60  # nobody looks, and nobody reads
    assert shown() == {PLACE: (5, 61)}
    watch.move({PLACE: 15}, {PLACE: 1_000_900})
    assert shown() == {PLACE: (0, 0)}


def test_a_record_after_a_silent_night_is_not_late_by_the_night(clock: list[float], watch: LagWatch) -> None:
    watch.assign({PLACE: 10})
    watch.move({PLACE: 11}, {PLACE: 1_000_000})
    watch.look({PLACE: 11})
    clock[0] += 36_000
    watch.look({PLACE: 11})
    clock[0] += 1
    watch.look({PLACE: 12})
    assert shown() == {PLACE: (1, 1)}


def test_in_a_backlog_the_next_record_is_as_old_as_the_last_one(clock: list[float], watch: LagWatch) -> None:
    watch.assign({PLACE: 10})
    watch.look({PLACE: 5_000})
    clock[0] += 5
    assert shown() == {PLACE: (4_990, 5)}, "before the first record is read its age is not known"
    watch.take({PLACE: 400_000})
    assert shown() == {PLACE: (4_990, 605)}
    watch.move({PLACE: 1_000}, {PLACE: 700_000})
    assert shown() == {PLACE: (4_000, 305)}


def test_what_is_read_and_not_durable_waits_even_if_no_broker_answers(clock: list[float], watch: LagWatch) -> None:
    watch.assign({PLACE: 10})
    watch.take({PLACE: 999_000})
    watch.take({PLACE: 999_900})
    clock[0] += 30
    assert shown() == {PLACE: (1, 31)}


def test_partitions_that_went_to_others_are_no_longer_shown_and_those_that_stay_keep_their_age(
    clock: list[float], watch: LagWatch
) -> None:
    watch.assign({PLACE: 10, OTHER: 7})
    watch.look({PLACE: 15, OTHER: 9})
    clock[0] += 60
    watch.assign({PLACE: 10})
    assert shown() == {PLACE: (5, 60)}
    watch.assign({PLACE: 12, OTHER: 9})
    assert shown() == {PLACE: (3, 0), OTHER: (0, 0)}


def test_the_brokers_are_asked_for_the_ends_of_what_is_ours(watch: LagWatch) -> None:
    watch._ask(ends(12))
    watch.assign({PLACE: 10})
    watch._ask(ends(12))
    assert shown()[PLACE][0] == 2
