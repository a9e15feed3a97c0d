"""A reader of the credits topic and of the dead letters as the contract describes it, with nothing of ours inside."""

import hashlib
import json
from typing import Any

from schemas.topics import CLICKS, CREDITS, ORDERS
from services.runtime.deadletters import LogPosition
from tests.chaos.truth import Line
from tests.kit.topics import records

_COUNTERS = ("touch", "order", "rules")


class Reader:
    """Accepts what dominates, remembers the join of all vectors of a line, and notes what must never be."""

    def __init__(self) -> None:
        self.accepted: dict[Line, dict[str, Any]] = {}
        self.joins: dict[Line, tuple[int, ...]] = {}
        self.contradictions: list[Line] = []
        self.messages = 0

    def take(self, new: dict[str, Any]) -> None:
        """Take in one message."""
        self.messages += 1
        line = (new["buyer_id"], new["order_id"], new["line_id"])
        vector, old = _vector(new), self.accepted.get(line)
        self.joins[line] = _join(self.joins.get(line, vector), vector)
        if old is None or _dominates(vector, _vector(old)):
            self.accepted[line] = new
        elif vector == _vector(old) and new != old:
            self.contradictions.append(line)

    def below_join(self) -> list[Line]:
        """Lines whose accepted vector is not all that was heard of."""
        return [line for line, accepted in self.accepted.items() if _vector(accepted) != self.joins[line]]


def _vector(message: dict[str, Any]) -> tuple[int, ...]:
    version = message["version"]
    return version["log"], *(version[part] for part in _COUNTERS)


def _dominates(new: tuple[int, ...], old: tuple[int, ...]) -> bool:
    """The log's generation first, then component by component."""
    if new[0] != old[0]:
        return new[0] > old[0]
    return new != old and all(mine >= theirs for mine, theirs in zip(new, old, strict=True))


def _join(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    if one[0] != other[0]:
        return max(one, other)
    return tuple(map(max, one, other))


def read_credits() -> Reader:
    """Read the credits topic from its first record to its last."""
    reader = Reader()
    for record in records(CREDITS.name):
        reader.take(json.loads(record.value))
    return reader


def refusals() -> dict[LogPosition, set[str]]:
    """Why which record lies in a dead-letter topic; a replay may have put it there again."""
    found: dict[LogPosition, set[str]] = {}
    for topic in (CLICKS, ORDERS):
        for record in records(topic.dlq):
            said = {name: value.decode() for name, value in record.headers}
            at = LogPosition(said["source_topic"], int(said["source_partition"]), int(said["source_offset"]))
            found.setdefault(at, set()).add(said["reason"])
    return found


def digest(lines: dict[Line, dict[str, Any]]) -> str:
    """One hash over the whole truth, without the policy's name."""
    told = [{name: value for name, value in lines[line].items() if name != "policy"} for line in sorted(lines)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
