"""`koc period close`: wait for the books, finish the run that was left, close the month, issue its statements."""

from services.operations.drain.positions import LivePositions
from services.operations.settle.settle import finish_left_run
from services.operations.settle.wait import Progress, wait_for_the_books
from services.runtime.settings import settings
from services.settlement.books.period_rows import read_closes
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.books.run_ports import RunStore
from services.settlement.books.statement_store import statement_store
from services.settlement.commands.execute import CommandOutcome
from services.settlement.domain.book.commands import CommandDraft
from services.settlement.domain.book.periods import PeriodClose
from services.settlement.periods.close import close_period, find_close
from services.settlement.statements.issue import issue_statements


def close_month(
    store: RunStore, book: BookConnections, draft: CommandDraft, period: str, wait_seconds: float, say: Progress
) -> CommandOutcome:
    """Close a month under RUN, once the books know all that is published now; closed before, it stays as it is.

    Then the statements of every close that lacks them are issued: a process may have ended before they were.

    Raises:
        Stalled: the books do not come to where the logs were, or others held them for too long.
        StartRefused: somebody else holds RUN.
        InputRefused: another month is next, or this one has not ended.
    """
    outcome = find_close(book, draft) or _close(store, book, draft, period, wait_seconds, say)
    with statement_store() as statements:
        for close in _without_statements(book):
            issue_statements(statements, close.period, close.revision, say)
    return outcome


def _close(
    store: RunStore, book: BookConnections, draft: CommandDraft, period: str, wait_seconds: float, say: Progress
) -> CommandOutcome:
    _wait(wait_seconds, say)
    with store.lock(draft.kind):
        finish_left_run(store, say)
        say(f"closing {period}")
        return find_close(book, draft) or close_period(book, draft, period, settings().settlement_zone_minutes)


def _without_statements(book: BookConnections) -> list[PeriodClose]:
    """Closes that have no root yet, the oldest first."""
    connection = book.connection()
    with connection.begin():
        return [close for close in read_closes(connection) if close.root is None]


def try_close(
    book: BookConnections, draft: CommandDraft, period: str, wait_seconds: float, say: Progress
) -> CommandOutcome:
    """How the month would be closed, of the books as they are; nothing is stored."""
    if known := find_close(book, draft):
        return known
    _wait(wait_seconds, say)
    return close_period(book, draft, period, settings().settlement_zone_minutes, is_trial=True)


def _wait(wait_seconds: float, say: Progress) -> None:
    with LivePositions() as positions:
        wait_for_the_books(positions, wait_seconds, lambda line: say(f"waiting: {line}"))
