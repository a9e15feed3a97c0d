"""A reader of the credits topic as the contract describes it, with nothing of ours inside."""

import json
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

Line = tuple[str, str, str]
"""buyer_id, order_id, line_id."""

Version = tuple[int, int, int, int]
"""log, rules, touch, order."""

Content = TypeVar("Content")


class CreditsReader(Generic[Content]):
    """Accepts what dominates, remembers the join of all versions of a line, and notes what must never be.

    Attributes:
        accepted: the content of each line's accepted assertion.
        contradictions: lines of which one version came with two contents.
        assertions: how many were taken in.
    """

    def __init__(self) -> None:
        self.accepted: dict[Line, Content] = {}
        self.contradictions: list[Line] = []
        self.assertions = 0
        self._versions: dict[Line, Version] = {}
        self._joins: dict[Line, Version] = {}

    def take(self, line: Line, version: Version, content: Content) -> None:
        """Take in one assertion."""
        self.assertions += 1
        old = self._versions.get(line)
        self._joins[line] = _join(self._joins.get(line, version), version)
        if old is None or _dominates(version, old):
            self.accepted[line], self._versions[line] = content, version
        elif version == old and content != self.accepted[line]:
            self.contradictions.append(line)

    def below_join(self) -> list[Line]:
        """Lines whose accepted version is not all that was heard of."""
        return [line for line, version in self._versions.items() if version != self._joins[line]]


def _dominates(new: Version, old: Version) -> bool:
    """The log's generation first, then component by component; an equal one does not."""
    if new[0] != old[0]:
        return new[0] > old[0]
    return new != old and all(mine >= theirs for mine, theirs in zip(new, old, strict=True))


def _join(one: Version, other: Version) -> Version:
    if one[0] != other[0]:
        return max(one, other)
    return one[0], max(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def read_messages(values: Iterable[bytes]) -> CreditsReader[dict[str, Any]]:
    """Read messages of the credits topic, those of a line in the order of its log."""
    reader: CreditsReader[dict[str, Any]] = CreditsReader()
    for message in map(json.loads, values):
        version = tuple(message["version"][name] for name in ("log", "rules", "touch", "order"))
        reader.take((message["buyer_id"], message["order_id"], message["line_id"]), version, message)
    return reader
