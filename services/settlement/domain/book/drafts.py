"""Entries to be, before they have a place in a writer's chain."""

from typing import NamedTuple

from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position

ONLY = ""
"""The step of a row that is the only one of its cause."""


class EntryDraft(NamedTuple):
    """One entry to be: what moves (`legs`, no zeros), when it takes effect, and why in words.

    `step` tells the rows of one line and one cause apart: the position of the order event, REST, or ONLY.
    """

    kind: Kind
    step: str
    cause: str
    effective_at: int
    legs: Position
