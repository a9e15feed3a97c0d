"""Where logs begin and end while a partition has no leader: it is asked for again, never left out."""

import math
from typing import Any

import pytest
from kafka import TopicPartition

from services.runtime import log_offsets
from tests.kit.led_logs import LedLogs

LED, LATE, SILENT = (TopicPartition("commerce.orders.v1", number) for number in range(3))


def logs(looks: float) -> LedLogs:
    """The second one has no leader for so many looks."""
    made = LedLogs({LED: 10, LATE: 20, SILENT: 5})
    made.unled = {LATE: looks}
    return made


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_begins_and_ends_of_a_partition_that_has_no_leader_at_first_are_asked_for_again(looks: int) -> None:
    places = [LED, LATE, SILENT]
    assert log_offsets.beginnings(logs(looks), places) == {LED: 0, LATE: 0, SILENT: 0}
    assert log_offsets.ends(logs(looks), places) == {LED: 10, LATE: 20, SILENT: 5}


def test_a_glance_leaves_out_the_partition_without_a_leader() -> None:
    assert log_offsets.ends_of_led(logs(9), [LED, LATE, SILENT]) == {LED: 10, SILENT: 5}


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_a_partition_without_a_leader_is_not_taken_for_one_without_later_records(looks: int) -> None:
    since = log_offsets.first_since(logs(looks), {LED: 7, LATE: 12, SILENT: 6})
    assert since == {LED: 7, LATE: 12, SILENT: None}


def test_nothing_asked_is_nothing_known() -> None:
    asked = logs(0)
    assert log_offsets.ends(asked, []) == log_offsets.first_since(asked, {}) == {}


@pytest.mark.parametrize("ask", [log_offsets.beginnings, log_offsets.ends, log_offsets.first_since])
def test_a_partition_that_gets_no_leader_is_named_in_a_sentence(ask: Any) -> None:
    with pytest.raises(ConnectionError, match=r"no broker leads commerce\.orders\.v1\[1\], or none answers: .* 30 s"):
        ask(logs(math.inf), {LED: 7, LATE: 12, SILENT: 6})
