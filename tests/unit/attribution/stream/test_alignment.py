"""Orders wait for the touches of their time, boundedly, and never for touches that do not come."""

from typing import NamedTuple

import pytest
from faust.types import TP

from services.attribution.stream import alignment
from services.attribution.stream.alignment import Alignment
from services.attribution.stream.fetch import Chunk


class Record(NamedTuple):
    offset: int
    timestamp: int


def chunk(topic, first, *timestamps, is_tail=False):
    records = [Record(first + i, at) for i, at in enumerate(timestamps)]
    return Chunk(TP(topic, 3), first, first + len(records), 0, records, is_tail=is_tail)


def stretches(chunks):
    return [(one.topic, one.first, one.next, len(one.records)) for one in chunks]


@pytest.fixture
def aligned():
    return Alignment("clicks", "orders")


def test_orders_are_applied_up_to_the_time_of_the_applied_touches(aligned):
    assert stretches(aligned.put(chunk("orders", 0, 10, 20, 30))) == []
    assert stretches(aligned.put(chunk("clicks", 0, 5, 25))) == [("clicks", 0, 2, 2), ("orders", 0, 2, 2)]
    assert stretches(aligned.put(chunk("clicks", 2, 31))) == [("clicks", 2, 3, 1), ("orders", 2, 3, 1)]


def test_orders_pass_at_once_when_no_touch_is_left_to_read(aligned):
    assert stretches(aligned.put(chunk("clicks", 0, 5, is_tail=True))) == [("clicks", 0, 1, 1)]
    assert stretches(aligned.put(chunk("orders", 0, 10, 20))) == [("orders", 0, 2, 2)]


def test_the_last_touches_release_all_waiting_orders(aligned):
    list(aligned.put(chunk("orders", 0, 10)))
    list(aligned.put(chunk("orders", 1, 20, 30)))
    released = stretches(aligned.put(chunk("clicks", 0, 5, is_tail=True)))
    assert released == [("clicks", 0, 1, 1), ("orders", 0, 1, 1), ("orders", 1, 3, 2)]


def none_left(_partition):
    return 0


def some_left(_partition):
    return 1


def unknown(_partition):
    return None


def test_orders_of_a_partition_without_touches_wait_for_one_call(aligned):
    list(aligned.put(chunk("orders", 0, 10)))
    assert stretches(aligned.call_time(none_left)) == [("orders", 0, 1, 1)]
    assert stretches(aligned.put(chunk("orders", 1, 20))) == [("orders", 1, 2, 1)]


@pytest.mark.parametrize("left", [some_left, unknown])
def test_orders_wait_while_touches_come_and_for_some_calls_longer(aligned, left, monkeypatch):
    monkeypatch.setattr(alignment, "PATIENCE_CALLS", 2)
    list(aligned.put(chunk("clicks", 0, 5)))
    list(aligned.put(chunk("orders", 0, 10)))
    assert stretches(aligned.call_time(left)) == []
    list(aligned.put(chunk("clicks", 1, 6)))
    assert stretches(aligned.call_time(left)) == []
    assert stretches(aligned.call_time(left)) == []
    assert stretches(aligned.call_time(left)) == [("orders", 0, 1, 1)]


def test_a_partition_with_enough_waiting_orders_is_held_back_until_they_are_applied(aligned, monkeypatch):
    monkeypatch.setattr(alignment, "ENOUGH_RECORDS", 3)
    list(aligned.put(chunk("orders", 0, 10, 20)))
    assert aligned.held_back == set()
    assert stretches(aligned.put(chunk("orders", 2, 30, 40))) == []
    assert aligned.held_back == {TP("orders", 3)}
    list(aligned.put(chunk("clicks", 0, 5, 25)))
    assert aligned.held_back == set()


def test_a_partition_is_held_back_neither_for_touches_that_do_not_come_nor_after_a_seek(aligned, monkeypatch):
    monkeypatch.setattr(alignment, "ENOUGH_RECORDS", 1)
    list(aligned.put(chunk("orders", 0, 10)))
    assert aligned.held_back
    list(aligned.call_time(none_left))
    assert not aligned.held_back
    list(aligned.put(chunk("clicks", 0, 5)))
    list(aligned.put(chunk("orders", 1, 10)))
    assert aligned.held_back
    aligned.clear()
    assert not aligned.held_back


def test_a_stretch_without_records_passes_in_its_turn(aligned):
    list(aligned.put(chunk("orders", 0, 10)))
    assert stretches(aligned.put(chunk("orders", 1))) == []
    aligned.clear()
    assert stretches(aligned.put(chunk("clicks", 0, 50))) == [("clicks", 0, 1, 1)]
