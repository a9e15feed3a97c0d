"""What severing commands say: whose lines got a surrogate, and how the rows read that were changed by it."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from services.operations.audit.chains import CommandFacts
from services.operations.audit.command_moves import SEVERED

_MARK_DIGITS = 32
_SURROGATE_BEGINNINGS = ("+severed-", "~severed-")


class SeveredLine(NamedTuple):
    """An order line of the buyer, and which of its claimants it is: by time of payment, then by id, from 0."""

    order_id: str
    line_id: str
    place: int


class SeveringResult(msgspec.Struct):
    """The result of such a command.

    Attributes:
        surrogate: stands in the buyer's place.
        lines: of the buyer.
        entries: ledger entry -> the beginning of the hash that it would have as it reads now; `commands` likewise.
    """

    surrogate: str
    lines: list[SeveredLine]
    entries: dict[str, str]
    commands: dict[str, str]


def severing_of(command: CommandFacts) -> SeveringResult:
    """The result of a command of this kind.

    Raises:
        ValueError: it is none.
    """
    try:
        return msgspec.convert(command.result, SeveringResult)
    except msgspec.ValidationError as problem:
        raise ValueError(str(problem)) from None


def is_surrogate(buyer_id: str) -> bool:
    """Whether severing made this name."""
    return buyer_id.startswith(_SURROGATE_BEGINNINGS)


class SeveredMarks:
    """Records that were published again after they were severed: their hashes cover what they no longer say.

    Args:
        commands: all.
    """

    def __init__(self, commands: Iterable[CommandFacts] = ()) -> None:
        self._marks: set[tuple[str, str]] = set()
        for result in (severing_of(one) for one in commands if one.kind == SEVERED):
            self._marks.update(result.entries.items())
            self._marks.update(result.commands.items())

    def has(self, record: str, computed: str) -> bool:
        """Whether a record was severed and reads as it was left.

        Args:
            record: an entry's id or a command's number.
            computed: the hash that it should have as it reads now.
        """
        return (record, computed[:_MARK_DIGITS]) in self._marks
