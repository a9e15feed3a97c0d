"""Consumer groups from outside: who is in one, and taking a member out that said goodbye.

A static member keeps its place for the length of its session, whether it was killed or went in order: that is what
lets it come back to its partitions. One that will not come back has to be taken out, or they stand still so long.
"""

import logging
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import structlog

from services.runtime.kafka import admin
from services.runtime.steady_answer import steady_answer

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

_SESSION_SECONDS = 12.0
_POLL_SECONDS = 0.2


def members(group: str) -> list[str]:
    """The members of a group: their static names, else their member ids; none of a group that does not exist."""
    found = _ask_coordinator(lambda client: _described(client, group), None)
    return [member.get("group_instance_id") or member["member_id"] for member in found.get("members", ())]


def _described(client: Any, group: str) -> dict[str, Any]:
    """A group as its coordinator describes it; kafka-python puts an error into the description."""
    from kafka.errors import GroupIdNotFoundError, for_code

    found: dict[str, Any] = client.describe_groups([group])[group]
    if told := re.match(r"\[Error (-?\d+)\]", found["error"] or ""):
        error = for_code(int(told[1]))
        if error is not GroupIdNotFoundError:
            raise error(found["error"])
    return found


def positions(group: str, client: Any = None) -> dict[tuple[str, int], int]:
    """The offset that a group reads next, by (topic, partition), as far as it has committed one.

    Args:
        group: need not exist.
        client: an admin client to ask first; None = one is made.
    """
    committed = _ask_coordinator(lambda client: client.list_group_offsets(group)[group], client)
    return {(at.topic, at.partition): found.offset for at, found in committed.items()}


def _ask_coordinator(question: Callable[[Any], Answer], client: Any) -> Answer:
    """The answer of a group's coordinator, which may first have to be chosen, or to load what it knows of the group.

    kafka-python passes these answers on, and each of them is met in the first second of a cluster. It asks the same
    broker for ever, too, so each further try has a client of its own.

    Raises:
        ConnectionError: no broker answers, it went away, or the coordinator has not started for half a minute.
        KafkaError: the coordinator refuses.
    """
    given = [] if client is None else [client]

    def ask() -> Answer:
        with nullcontext(given.pop()) if given else admin() as asked:
            return question(asked)

    return steady_answer(ask)


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
