"""What severing commands say of rows whose hash covers a buyer that the rows no longer name.

A hash is never made anew. Each command of this kind notes how the rows read that it changed, so that a later change of
them shows all the same.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from services.settlement.domain.book.commands import ChainedCommand, CommandKind

_MARK_BYTES = 16


def mark_of(digest: bytes) -> str:
    """The mark of a row as it reads now: half of the hash that it would have, in hexadecimal."""
    return digest[:_MARK_BYTES].hex()


class SeveredRows:
    """Marks of severed rows.

    Args:
        commands: all, or those of this kind.
    """

    def __init__(self, commands: Iterable[ChainedCommand] = ()) -> None:
        self._marks: set[tuple[str, str]] = set()
        self._plan_lines: dict[str, bytes] = {}
        for one in commands:
            if one.command.kind == CommandKind.BUYER_SEVERED:
                self._take(one.command.result)

    def _take(self, result: Mapping[str, Any]) -> None:
        self._marks.update(result["entries"].items())
        self._marks.update(result["commands"].items())
        self._plan_lines.update((mark, bytes.fromhex(digest)) for mark, digest in result["plan_lines"].items())

    def has(self, row: str, derived: bytes) -> bool:
        """Whether a row, `WRITER-SEQ` or a command's number, was severed and reads as it was left.

        Args:
            row: its name.
            derived: the hash that it should have by what it says.
        """
        return (row, mark_of(derived)) in self._marks

    def has_command(self, stored: ChainedCommand, derived: ChainedCommand) -> bool:
        """Whether a command was severed, stands in its place and reads as it was left."""
        in_place = (stored.seq, stored.prev_hash) == (derived.seq, derived.prev_hash)
        return in_place and self.has(str(stored.seq), derived.hash)

    def plan_line(self, digest: bytes) -> bytes:
        """The digest that a line of a run's plan had when the plan was proven."""
        return self._plan_lines.get(mark_of(digest), digest)
