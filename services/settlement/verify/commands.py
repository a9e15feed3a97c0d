"""Commands: numbered without a gap and chained by hash; no entry stands in the journal without its command."""

from collections.abc import Iterable, Iterator

from services.settlement.books.journal_rows import JournalRow
from services.settlement.domain.book.commands import ChainedCommand, chain_command
from services.settlement.domain.book.entries import GENESIS
from services.settlement.domain.book.severed import SeveredRows
from services.settlement.verify.findings import Difference

_OF_COMMAND = "command|"


class CommandCheck:
    """Takes the journal's rows, then all commands by number.

    Args:
        severed: commands whose hash covers a buyer that they no longer name.
    """

    def __init__(self, severed: SeveredRows) -> None:
        self._last, self._severed = GENESIS, severed
        self._entries: dict[str, str] = {}

    def watched(self, rows: Iterable[JournalRow]) -> Iterator[JournalRow]:
        """The rows as they come; those that a command made are remembered."""
        for row in rows:
            if row.idem_key.startswith(_OF_COMMAND):
                self._entries.setdefault(row.idem_key.split("|")[1], row.entry_id)
            yield row

    def command(self, recorded: ChainedCommand) -> Iterator[Difference]:
        """A command by itself, its number and its hash."""
        last, self._last = self._last, recorded.link
        self._entries.pop(recorded.command.id, None)
        if recorded.seq != last.seq + 1:
            missing = f"commands {last.seq + 1} to {recorded.seq - 1}"
            yield Difference("command seq", missing, "none", "a row for each number")
            return
        derived = chain_command(recorded.command, last)
        if derived != recorded and not self._severed.has_command(recorded, derived):
            where = f"command {recorded.seq} ({recorded.command.id})"
            yield Difference("command chain", where, recorded.hash.hex(), derived.hash.hex())

    def end(self) -> Iterator[Difference]:
        """Entries that name a command which nobody gave."""
        for command_id, entry_id in self._entries.items():
            yield Difference("command", f"entry {entry_id}", f"of command {command_id}", "a command that is recorded")
