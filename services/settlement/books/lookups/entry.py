"""An entry of the journal by its name, with the hash of the one before it."""

from typing import NamedTuple

from sqlalchemy import Connection

from services.settlement.books.journal_rows import JOURNAL_COLUMNS, ChainedEntry, JournalRow
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book.entries import GENESIS

_ENTRY = f"SELECT {JOURNAL_COLUMNS} FROM journal WHERE writer = %s AND seq BETWEEN %s AND %s ORDER BY seq"  # noqa: S608
_ACCOUNTS = "SELECT id, key, currency FROM account WHERE id = ANY(%s)"


class FoundEntry(NamedTuple):
    """An entry in its chain. `is_last`: its writer has none after it."""

    chained: ChainedEntry
    is_last: bool


def find_entry(connection: Connection, writer: int, seq: int) -> FoundEntry | None:
    """The entry with this number; None = there is none.

    Raises:
        InvariantBroken: its row cannot be read; names it.
    """
    raw = psycopg_of(connection)
    rows = {row[1]: JournalRow.read(row) for row in raw.execute(_ENTRY, (writer, seq - 1, seq + 1)).fetchall()}
    row, before = rows.get(seq), rows.get(seq - 1)
    if row is None:
        return None
    accounts = raw.execute(_ACCOUNTS, (list(row.accounts),)).fetchall()
    names = {number: (key, currency) for number, key, currency in accounts}
    prev_hash = GENESIS.head if before is None else before.chain
    return FoundEntry(ChainedEntry(row.readable(names), prev_hash), is_last=seq + 1 not in rows)
