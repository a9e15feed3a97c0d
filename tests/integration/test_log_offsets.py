"""What services/runtime/log_offsets.py expects of kafka-python, on a real broker; only a missing leader is made up."""

from collections.abc import Callable

import pytest
from kafka import TopicPartition
from kafka.cluster import ClusterMetadata

from schemas.topics import CREDITS
from services.runtime import log_offsets
from services.runtime.kafka import log_reader

pytestmark = pytest.mark.usefixtures("on_stack")

LED, UNLED = (TopicPartition(CREDITS.name, number) for number in range(2))
AFTER_ALL = 1 << 50
"""Milliseconds since 1970 at which nothing was received yet."""


@pytest.fixture
def set_leaders(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Takes the leader of one partition away for so many looks at the metadata."""
    known, looks = ClusterMetadata.leader_for_partition, [0]

    def leader(cluster: ClusterMetadata, place: TopicPartition) -> int | None:
        if place != UNLED or looks[0] <= 0:
            return known(cluster, place)
        looks[0] -= 1
        return -1

    monkeypatch.setattr(ClusterMetadata, "leader_for_partition", leader)
    return lambda count: looks.__setitem__(0, count)


def test_a_partition_without_a_leader_is_left_out_of_an_answer_about_several_and_waited_for_alone(
    set_leaders: Callable[[int], None],
) -> None:
    with log_reader() as reader:
        ends = log_offsets.ends(reader, [LED, UNLED])
        assert ends.keys() == {LED, UNLED}
        set_leaders(1)
        assert log_offsets.ends_of_led(reader, [LED, UNLED]).keys() == {LED}
        set_leaders(3)
        assert log_offsets.ends_of_led(reader, [UNLED]) == {UNLED: ends[UNLED]}
        for ask in (log_offsets.ends, log_offsets.beginnings):
            set_leaders(3)
            assert ask(reader, [LED, UNLED]).keys() == {LED, UNLED}
        set_leaders(3)
        assert log_offsets.first_since(reader, {LED: AFTER_ALL, UNLED: AFTER_ALL}) == {LED: None, UNLED: None}


def test_a_partition_that_gets_no_leader_is_an_error_with_its_name(
    set_leaders: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_offsets, "WAIT_SECONDS", 0.5)
    set_leaders(AFTER_ALL)
    with log_reader() as reader, pytest.raises(ConnectionError, match=r"no broker leads .*\[1\], or none answers"):
        log_offsets.first_since(reader, {LED: 0, UNLED: 0})
