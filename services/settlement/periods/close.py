"""Close a month: add it up while everybody goes on, then stop all writers for a moment, cut, seal and record.

docs/settlement.md has the steps, and says who waits for them.
"""

import time
from collections.abc import Iterable
from typing import NamedTuple

from services.kernel.errors import InputRefused, Stalled
from services.settlement.books.closing_transaction import ClosingTransaction, closing_transaction
from services.settlement.books.command_transaction import WRITER_N
from services.settlement.books.period_rows import (
    RowRange,
    add_up_journal,
    add_up_rows,
    earliest_booked,
    lock_closes,
    read_closed_months,
    read_closes,
)
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.books.record_command import find_recorded, read_point, record
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandOutcome
from services.settlement.domain.book.commands import CommandDraft, CommandKind, JsonObject
from services.settlement.domain.book.periods import check_close, read_month
from services.settlement.domain.book.seals import NO_SEAL
from services.settlement.periods.totals import PeriodTotals

PATIENCE_MS = 100
"""How long posters may have to wait behind a close that itself waits for a transaction under way."""
TRIES = 100
PAUSE_SECONDS = 0.1
LAST_PATIENCE_MS = 10_000
"""Longer than a poster's transaction can last: a close that posters never let in makes them wait, once."""


class Closing(NamedTuple):
    """A close to be: its command, its month, its place among the closes; `is_first`: no month was ever closed."""

    draft: CommandDraft
    period: str
    revision: int
    previous_seal: bytes
    is_first: bool


def closing_draft(book: BookConnections, period: str, reason: str, command_id: str | None) -> CommandDraft:
    """The command that closes a month; without an id it gets one of the month and the revision.

    For a month that is closed it is the command that closed it, so that the same words again find it.

    Raises:
        InputRefused: the month, the id or the reason is not as it must be.
    """
    read_month(period)
    with closing_transaction(book) as transaction:
        closes = [close for close in read_closes(transaction.connection) if close.period == period]
    if command_id is None:
        stands = bool(closes) and closes[-1].stands
        command_id = closes[-1].command if stands else f"period-closed-{period}-{len(closes) + 1}"
    return make_draft(CommandKind.PERIOD_CLOSED, reason, {"period": period}, command_id)


def find_close(book: BookConnections, draft: CommandDraft) -> CommandOutcome | None:
    """What became of the same command before; None = it is new.

    Raises:
        InputRefused: another command has its id.
    """
    with closing_transaction(book) as transaction:
        earlier = find_recorded(transaction.connection, draft)
    if earlier is None:
        return None
    command = earlier.command
    return CommandOutcome(command.id, earlier.seq, command.by, command.at, command.result, is_new=False)


def close_period(
    book: BookConnections, draft: CommandDraft, period: str, zone_minutes: int, *, is_trial: bool = False
) -> CommandOutcome:
    """Close a month, under RUN; no run is unfinished, and `find_close` does not know the command.

    Args:
        book: of a login in koc_operator, made with CLOSING_SESSION.
        draft: the command.
        period: YYYY-MM.
        zone_minutes: the settlement zone, minutes east of UTC.
        is_trial: say how it would be closed now, and change nothing.

    Raises:
        InputRefused: another month is next, or this one has not ended.
        Stalled: a run was planned meanwhile, or posters let nobody in.
    """
    totals = PeriodTotals()
    # all rows so far, at leisure
    with closing_transaction(book) as transaction:
        closing = _begin(transaction, draft, period, zone_minutes)
        _catch_up(transaction, closing, totals)
        if is_trial:
            result = _result(closing, totals, totals.seal(closing.previous_seal, period, closing.revision))
            return CommandOutcome(draft.id, None, "", transaction.time().now, result, is_new=True)
    with closing_transaction(book) as transaction:
        # from here on nobody else closes or reopens a month
        lock_closes(transaction.connection)
        closing = _begin(transaction, draft, period, zone_minutes)
        transaction.begin_close(period, closing.revision, draft.id)
        # what is known is stored before anybody has to wait
        transaction.put_sums(period, closing.revision, totals.amounts)
        _stop_writers(transaction, closing, totals)
        # from here on everybody waits
        return _seal(transaction, closing, totals)


def _begin(transaction: ClosingTransaction, draft: CommandDraft, period: str, zone_minutes: int) -> Closing:
    """The close's place among the closes, if the month is the next one and has ended."""
    connection = transaction.connection
    months, closes = read_closed_months(connection), read_closes(connection)
    earliest = earliest_booked(connection) if months.newest is None else None
    check_close(period, months, earliest, transaction.time().now, zone_minutes)
    revision = 1 + sum(close.period == period for close in closes)
    return Closing(draft, period, revision, closes[-1].seal if closes else NO_SEAL, is_first=not closes)


def _catch_up(transaction: ClosingTransaction, closing: Closing, totals: PeriodTotals) -> dict[int, int]:
    """Add up the rows that came since the last time; returns the sums that changed.

    Raises:
        InputRefused: one of them is of a month before the first close.
    """
    connection, known, cut = transaction.connection, totals.cut, transaction.seqs()
    if known is None:
        return totals.add(add_up_journal(connection, closing.period, cut), cut)
    later = [RowRange(number, *seqs) for number, seqs in enumerate(zip(known, cut, strict=True)) if seqs[0] < seqs[1]]
    if closing.is_first:
        _check_first(closing, [earliest_booked(connection, rows) for rows in later])
    return totals.add((one for rows in later for one in add_up_rows(connection, closing.period, rows)), cut)


def _check_first(closing: Closing, months: Iterable[str | None]) -> None:
    """Nothing may come before the first month that is closed."""
    earliest = min((month for month in months if month is not None), default=closing.period)
    if earliest < closing.period:
        raise InputRefused(f"a row of {earliest} came meanwhile: the month to close next is {earliest}")


def _stop_writers(transaction: ClosingTransaction, closing: Closing, totals: PeriodTotals) -> None:
    """Take PERIOD, with little left to add up once it is held.

    Raises:
        Stalled: transactions of others never ended.
    """
    for patience in (*[PATIENCE_MS] * TRIES, LAST_PATIENCE_MS):
        changed = _catch_up(transaction, closing, totals)
        transaction.put_sums(closing.period, closing.revision, changed)
        if transaction.try_lock_period(patience):
            return
        time.sleep(PAUSE_SECONDS)
    raise Stalled("others held the books for too long: nothing was closed, so try again")


def _seal(transaction: ClosingTransaction, closing: Closing, totals: PeriodTotals) -> CommandOutcome:
    """The last rows, the cut, the seal and the command."""
    draft, connection = closing.draft, transaction.connection
    transaction.lock_writers({WRITER_N})
    if run := transaction.unfinished_run():
        raise Stalled(f"run {run} was planned meanwhile: nothing was closed, so try again")
    changed = _catch_up(transaction, closing, totals)
    transaction.put_sums(closing.period, closing.revision, changed)
    seal = totals.seal(closing.previous_seal, closing.period, closing.revision)
    result = _result(closing, totals, seal)
    transaction.end_close(closing.period, closing.revision, totals.cut or (), closing.previous_seal, seal)
    now = transaction.time().now
    recorded = record(connection, draft, now, result, read_point(connection))
    return CommandOutcome(draft.id, recorded.seq, recorded.command.by, now, result, is_new=True)


def _result(closing: Closing, totals: PeriodTotals, seal: bytes) -> JsonObject:
    return {"revision": closing.revision, "seal": seal.hex(), "cut": list(totals.cut or ())}
