"""Consumer groups from outside: who is in one, and taking a member out that said goodbye.

A static member keeps its place for the length of its session, whether it was killed or went in order: that is what
lets it come back to its partitions. One that will not come back has to be taken out, or they stand still so long.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from services.runtime.kafka import admin

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

_COORDINATOR_SECONDS = 30.0
"""A cluster that never had a group makes the place for it when it is first asked; a broker that takes a group over
first loads it."""

_SESSION_SECONDS = 12.0
_POLL_SECONDS = 0.2


def members(group: str) -> list[str]:
    """The members of a group: their static names, else their member ids; none of a group that does not exist."""
    with admin() as client:
        described = _ask_coordinator(lambda: client.describe_groups([group]))
    return [
        member.get("group_instance_id") or member["member_id"]
        for one in described.values()
        for member in one.get("members", ())
    ]


def positions(group: str) -> dict[tuple[str, int], int]:
    """The offset that a group reads next, by (topic, partition), as far as it has committed one."""
    with admin() as client:
        return positions_from(client, group)


def positions_from(client: Any, group: str) -> dict[tuple[str, int], int]:
    """The same from an admin client that is connected already."""
    committed = _ask_coordinator(lambda: client.list_group_offsets(group))[group]
    return {(at.topic, at.partition): found.offset for at, found in committed.items()}


def _ask_coordinator(question: Callable[[], Answer]) -> Answer:
    """The answer of a group's coordinator, which may first have to be chosen, or to load what it knows of the group.

    kafka-python passes these answers on, and each of them is met in the first seconds of a cluster.
    """
    from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

    deadline = time.monotonic() + _COORDINATOR_SECONDS
    while True:
        try:
            return question()
        except (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError):
            if time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


def emptied(group: str) -> list[str]:
    """Wait until a group has no members, as long as the session of one that was killed may last; who is there still."""
    logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)  # it cannot read Faust's metadata, and need not
    deadline = time.monotonic() + _SESSION_SECONDS
    while (there := members(group)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return there


def leave_group(group: str, instance_id: str | None, member_id: str) -> None:
    """Take a static member out of a group, after its consumer has stopped; the others get its partitions at once.

    Both ids must belong together: by its instance id alone a process would take out whoever has that by now. That it
    cannot be done costs the others a session's length, no more, and so is no reason to fail.
    """
    from kafka.admin import MemberToRemove
    from kafka.errors import FencedInstanceIdError, KafkaError, NoError, UnknownMemberIdError

    if instance_id is None or not member_id:
        return
    try:
        with admin() as client:
            [answer] = client.remove_group_members(group, [MemberToRemove(member_id, instance_id)]).values()
        problem = "" if answer in {NoError, FencedInstanceIdError, UnknownMemberIdError} else answer.__name__
    except (ConnectionError, KafkaError) as failure:
        problem = str(failure)
    if problem:
        log.warning("the group was not told of a leave", group=group, instance_id=instance_id, problem=problem)
