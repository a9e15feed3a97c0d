"""Rows of closed months, said once: closes in order, what a month's journal rows add up to, and what seals cover."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, text, update

from services.kernel.time import to_micros
from services.settlement.books.period_tables import period_close, period_sum, statement
from services.settlement.books.posting_transaction import CLOSED_MONTHS
from services.settlement.books.tables import account, command, period
from services.settlement.domain.book.periods import ClosedMonths, PeriodClose

_CLOSES = (
    select(period_close).join(command, command.c.id == period_close.c.command, isouter=True).order_by(command.c.seq)
)
_SUMS = """
SELECT leg.account_id, account.key, account.currency, leg.amount FROM (
  SELECT leg.account_id, sum(leg.amount)::bigint AS amount
  FROM journal, unnest(journal.accounts, journal.amounts) AS leg (account_id, amount)
  WHERE journal.period = :period AND {rows} GROUP BY 1 HAVING sum(leg.amount) <> 0
) leg JOIN account ON account.id = leg.account_id
"""
_LATER = "journal.writer = :writer AND journal.seq > :after AND journal.seq <= :last"
_ALL_SUMS = text(_SUMS.format(rows="journal.seq <= (cast(:cut AS bigint[]))[journal.writer + 1]"))
_LATER_SUMS = text(_SUMS.format(rows=_LATER))
_EARLIEST = text("SELECT min(period) FROM journal")
_EARLIEST_LATER = text(f"SELECT min(period) FROM journal WHERE {_LATER}")  # noqa: S608 - words of ours


class RowRange(NamedTuple):
    """A writer's rows after one number up to another: found by the journal's key, however large the journal is."""

    writer: int
    after: int
    last: int


class AccountSum(NamedTuple):
    """What rows of a month add up to on an account."""

    account_id: int
    account: str
    currency: str
    amount_minor: int


def read_closes(connection: Connection) -> list[PeriodClose]:
    """Every close in the order in which they were made."""
    return [_read_close(row) for row in connection.execute(_CLOSES).mappings()]


def _read_close(row: Any) -> PeriodClose:
    moments = {name: None if row[name] is None else to_micros(row[name]) for name in ("closed_at", "reopened_at")}
    return PeriodClose(**{**row, **moments, "cut": tuple(row["cut"]), "offsets": tuple(row["offsets"])})


def lock_closes(connection: Connection) -> list[PeriodClose]:
    """Every close, in order; nobody else closes or reopens a month before the transaction ends."""
    connection.execute(select(period.c.id).with_for_update())
    return read_closes(connection)


def reopen(connection: Connection, close: PeriodClose) -> None:
    """Open a month again; its close does not stand any more."""
    connection.execute(update(period).where(period.c.id == close.period).values(closed=False))
    of_close = period_close.c.period == close.period, period_close.c.revision == close.revision
    undone = {"reopened_by": text("session_user"), "reopened_at": text("now()")}
    connection.execute(update(period_close).where(*of_close).values(**undone))


def read_closed_months(connection: Connection) -> ClosedMonths:
    """Which months were closed."""
    return ClosedMonths(*connection.exec_driver_sql(f"SELECT {CLOSED_MONTHS}").one())


def add_up_journal(connection: Connection, month: str, cut: Sequence[int]) -> list[AccountSum]:
    """What a month's journal rows add up to by account, without zeros; reads the whole journal.

    Args:
        connection: that sees every row up to the cut.
        month: YYYY-MM.
        cut: by writer, the number of the last row that counts.
    """
    return [AccountSum(*row) for row in connection.execute(_ALL_SUMS, {"period": month, "cut": list(cut)})]


def add_up_rows(connection: Connection, month: str, rows: RowRange) -> list[AccountSum]:
    """The same of some rows."""
    return [AccountSum(*row) for row in connection.execute(_LATER_SUMS, {"period": month, **rows._asdict()})]


def earliest_booked(connection: Connection, rows: RowRange | None = None) -> str | None:
    """The earliest month of the journal, or of some rows; None = there is no row."""
    wanted, values = (_EARLIEST, {}) if rows is None else (_EARLIEST_LATER, rows._asdict())
    found: str | None = connection.execute(wanted, values).scalar_one()
    return found


def read_sums(connection: Connection, close: PeriodClose) -> list[AccountSum]:
    """What the seal of a close covers, as stored."""
    wanted = (
        select(account.c.id, account.c.key, account.c.currency, period_sum.c.amount_minor)
        .join(account, account.c.id == period_sum.c.account_id)
        .where(period_sum.c.period == close.period, period_sum.c.revision == close.revision)
    )
    return [AccountSum(*row) for row in connection.execute(wanted)]


def count_statements(connection: Connection, close: PeriodClose) -> int:
    """How many statements a close has so far."""
    of_close = statement.c.period == close.period, statement.c.revision == close.revision
    return connection.execute(select(func.count()).select_from(statement).where(*of_close)).scalar_one()
