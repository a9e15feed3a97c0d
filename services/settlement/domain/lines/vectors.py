"""Version vectors of an order line: which of two assertions says more, and what two of them know together.

A vector is (log, rules, touch, order). `log`, the generation of the input topics, is compared before all others:
offsets of different generations say nothing about each other.
"""

from enum import Enum
from typing import NamedTuple

Vector = tuple[int, int, int, int]
NOTHING: Vector = (-1, 0, 0, 0)
"""Below every vector."""


def dominates(one: Vector, other: Vector) -> bool:
    """Whether `one` knows all that `other` knows (an equal one does)."""
    if one[0] != other[0]:
        return one[0] > other[0]
    return one[1] >= other[1] and one[2] >= other[2] and one[3] >= other[3]


def join(one: Vector, other: Vector) -> Vector:
    """The least vector that dominates both."""
    if one[0] != other[0]:
        return max(one, other)
    return one[0], max(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


class Precedence(Enum):
    """What becomes of an assertion of a line."""

    ACCEPTED = "accepted"
    SAME = "same"
    DOMINATED = "dominated"
    INCOMPARABLE = "incomparable"


class FoldResult(NamedTuple):
    """A line's vector after an assertion: what it stands on, and the join of all it has seen."""

    verdict: Precedence
    vector: Vector
    joined: Vector


def fold(vector: Vector, joined: Vector, asserted: Vector) -> FoldResult:
    """Fold one assertion into what a line has seen: accept only what dominates, remember the rest in the join."""
    if asserted == vector:
        return FoldResult(Precedence.SAME, vector, joined)
    if dominates(asserted, vector):
        seen = asserted if vector == joined else join(joined, asserted)  # the join of two, of which one dominates
        return FoldResult(Precedence.ACCEPTED, asserted, seen)
    if dominates(vector, asserted):
        return FoldResult(Precedence.DOMINATED, vector, joined)
    return FoldResult(Precedence.INCOMPARABLE, vector, join(joined, asserted))
