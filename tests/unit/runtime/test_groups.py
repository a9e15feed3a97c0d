"""What a group's coordinator answers in the first seconds of a cluster is no answer yet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    GroupIdNotFoundError,
    KafkaError,
    NotCoordinatorError,
)
from kafka.structs import OffsetAndMetadata

from services.runtime import groups

GROUP = "a-group"


class Coordinator:
    """An admin client whose broker says these things first."""

    def __init__(self, *first: type[KafkaError]) -> None:
        self._first = list(first)

    def list_group_offsets(self, group: str) -> dict[str, Any]:
        """The offsets of a group."""
        self._say()
        return {group: {TopicPartition("orders", 3): OffsetAndMetadata(7, "", -1)}}

    def describe_groups(self, wanted: list[str]) -> dict[str, Any]:
        """The members of groups: kafka-python raises no error of a group, and tells of no members then."""
        error = str(self._first.pop(0)("")) if self._first else None
        members = [] if error else [{"group_instance_id": None, "member_id": "one"}]
        return {group: {"error": error, "members": members} for group in wanted}

    def _say(self) -> None:
        if self._first:
            raise self._first.pop(0)


def _answers(monkeypatch: pytest.MonkeyPatch, *first: type[KafkaError]) -> None:
    """Whoever asks Kafka gets these errors first, one at a time."""
    client = Coordinator(*first)

    @contextmanager
    def admin() -> Iterator[Coordinator]:
        yield client

    monkeypatch.setattr(groups, "admin", admin)


def test_a_coordinator_that_never_starts_is_told_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.runtime.steady_answer._UNSETTLED_SECONDS", 0)
    _answers(monkeypatch, *[NotCoordinatorError] * 3)
    with pytest.raises(ConnectionError, match="have not settled"):
        groups.positions(GROUP)


STARTING = (CoordinatorNotAvailableError, NotCoordinatorError, CoordinatorLoadInProgressError)


def test_positions_wait_for_a_coordinator_that_is_still_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, *STARTING)
    assert groups.positions(GROUP) == {("orders", 3): 7}


def test_members_wait_for_a_coordinator_that_is_still_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, *STARTING)
    assert groups.members(GROUP) == ["one"]


@pytest.mark.parametrize("question", [groups.positions, groups.members])
def test_another_answer_of_the_coordinator_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, question: Callable[[str], object]
) -> None:
    _answers(monkeypatch, GroupAuthorizationFailedError)
    with pytest.raises(GroupAuthorizationFailedError):
        question(GROUP)


def test_a_group_that_does_not_exist_has_no_members(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, GroupIdNotFoundError)
    assert groups.members(GROUP) == []


def test_each_try_has_a_client_of_its_own_for_a_client_asks_the_same_broker_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _answers(monkeypatch)
    stale = Coordinator(*[NotCoordinatorError] * 3)
    assert groups.positions(GROUP, stale) == {("orders", 3): 7}
