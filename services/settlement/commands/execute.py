"""Carry a command out: lock, look whether it was recorded before, let it take effect, and record it, all at once."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from services.kernel.identifiers import line_key
from services.runtime.settings import settings
from services.settlement.books.command_transaction import WRITER_N, CommandTransaction, command_transaction
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import LineChange, PostedEntry, TransactionTime
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.books.record_command import find_recorded, read_point, record
from services.settlement.books.run_lock import run_lock
from services.settlement.commands.entries import ENTRY_KINDS, command_legs
from services.settlement.domain.book.commands import BESIDE_RUNS, CommandDraft, JsonObject
from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.line import Line


class CommandOutcome(NamedTuple):
    """What became of a command: its id and number (None: it was only tried), who gave it, when, and its result.

    `is_new` is False where it had been recorded before, so that nothing was done now.
    """

    command_id: str
    seq: int | None
    by: str
    at: int
    result: JsonObject
    is_new: bool


class CommandEffect(NamedTuple):
    """What a command does to the books: entries and lines to write, who loses a place and who takes it; its result.

    The grants of `rerated` lines are cleared, so that the next run works out anew what they take of budgets.
    """

    result: JsonObject
    changes: Sequence[LineChange] = ()
    demoted: Sequence[Line] = ()
    promoted: Line | None = None
    rerated: Sequence[Line] = ()


class CommandScene:
    """What a command finds: the open transaction with its locks held, its time, and a builder of entries.

    Args:
        transaction: writer rows are locked.
        builder: under these writers.
        time: of the transaction.
        draft: the command.
        point: where the books stand, as `read_point` gives it.
    """

    def __init__(
        self,
        transaction: CommandTransaction,
        builder: EntryBuilder,
        time: TransactionTime,
        draft: CommandDraft,
        point: Mapping[str, Any],
    ) -> None:
        self.transaction, self.builder, self.time, self.draft, self.point = transaction, builder, time, draft, point

    def post(self, kind: Kind, legs: Position, currency: str) -> list[PostedEntry]:
        """The command's own entry, under writer N, dated now."""
        cause = f"command {self.draft.id}"
        row = EntryDraft(kind, ONLY, cause, self.time.now, legs)
        return self.builder.build(WRITER_N, f"command|{self.draft.id}", [row], currency, None)

    def post_own(self) -> list[PostedEntry]:
        """The entry of a command that names its own amount."""
        body: Mapping[str, Any] = self.draft.body
        return self.post(ENTRY_KINDS[self.draft.kind], command_legs(self.draft.kind, body), body["currency"])

    def change(self, line: Line, rows: Sequence[EntryDraft]) -> LineChange:
        """A line as it stands now, with these rows under its own writer."""
        idem = f"command|{self.draft.id}|{line_key(*line.key)}"
        return LineChange(self.builder.build(line.partition, idem, rows, line.currency, line), line)


CommandRule = Callable[[CommandScene], CommandEffect]
"""Decides what a command does; it may raise InputRefused or StartRefused, and then nothing is done."""


def execute(
    book: BookConnections,
    draft: CommandDraft,
    rule: CommandRule,
    *,
    partitions: Collection[int] = (),
    is_trial: bool = False,
) -> CommandOutcome:
    """Carry a command out, at most once in effect. It takes RUN, unless its kind may be given beside runs.

    Args:
        book: of a login in koc_operator.
        draft: what is asked for.
        rule: decides what it does.
        partitions: whose lines it changes.
        is_trial: say what it would do, and change nothing.

    Raises:
        StartRefused: somebody else holds RUN.
        InputRefused: its id belongs to another command, or what it asks for cannot be.
    """
    locked = nullcontext() if draft.kind in BESIDE_RUNS else run_lock(book.connection(), draft.kind)
    with locked, command_transaction(book) as transaction:
        connection = transaction.connection
        # the locks in the order of every writer: PERIOD and REGISTRY shared, the partitions' writers, writer N last
        transaction.lock_shared()
        writers = transaction.lock_writers({*partitions, WRITER_N})
        # the same command again does nothing
        if earlier := find_recorded(connection, draft):
            command = earlier.command
            return CommandOutcome(command.id, earlier.seq, command.by, command.at, command.result, is_new=False)
        # what it does, by what stands under the locks
        time, point = transaction.time(), read_point(connection)
        builder = EntryBuilder(writers, time, settings().settlement_zone_minutes, PostingCounts())
        effect = rule(CommandScene(transaction, builder, time, draft, point))
        if is_trial:
            return CommandOutcome(draft.id, None, "", time.now, effect.result, is_new=True)
        # the books, and the record of who decided it
        transaction.write(effect.changes, effect.demoted, writers, time.now)
        if effect.promoted is not None:
            transaction.promote(effect.promoted.key)
        transaction.reopen_budget_lines([line.key for line in effect.rerated])
        recorded = record(connection, draft, time.now, effect.result, point)
        return CommandOutcome(draft.id, recorded.seq, recorded.command.by, time.now, effect.result, is_new=True)


def entry_ids(posted: Sequence[PostedEntry]) -> list[str]:
    """WRITER-SEQ of entries, for a command's result."""
    return [f"{one.writer}-{one.link.seq}" for one in posted]
