"""Statements of closed months: the months, who has one, and one whole."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.period_rows import read_closes
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.books.statement_rows import StatementChoice, read_statements
from services.settlement.books.statement_store import find_close
from services.settlement.domain.book.periods import PeriodClose
from services.settlement.domain.statements.statement import NumberedStatement

_NAMES = """
SELECT party, currency, seq FROM statement WHERE period = %s AND revision = %s AND (party, currency) > (%s, %s)
ORDER BY party, currency LIMIT %s
"""


class ListedStatement(NamedTuple):
    """A statement in the list of its month: whose it is, and its number."""

    party: str
    currency: str
    seq: int


def closed_months(connection: Connection) -> Sequence[PeriodClose]:
    """Every close, the latest month and its latest revision first; `root` is None while statements are being made."""
    return sorted(read_closes(connection), key=lambda close: (close.period, close.revision), reverse=True)


def statements_of_month(
    connection: Connection, period: str, revision: int, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[ListedStatement]:
    """Statements of a close by party and currency, which are the key."""
    party, currency = ("", "") if after is None else after
    rows = psycopg_of(connection).execute(_NAMES, (period, revision, party, currency, limit + 1)).fetchall()
    return page_of([ListedStatement(*row) for row in rows], limit, lambda one: (one.party, one.currency))


def find_statement(
    connection: Connection, period: str, revision: int, party: str, currency: str
) -> NumberedStatement | None:
    """The statement of this name; None = there is none, or not all of its month are made."""
    close = find_close(connection, period, revision)
    if close is None or close.root is None:
        return None
    found = list(read_statements(connection, StatementChoice(period, revision, party, currency)))
    return found[0] if found else None
