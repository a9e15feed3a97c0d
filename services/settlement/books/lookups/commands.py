"""Commands for pages: the newest first, and one by its id or its number."""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_micros
from services.settlement.books.command_rows import COMMAND_COLUMNS, find_command, read_command
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book.commands import ChainedCommand

_NEWEST = """
SELECT seq, id, kind, "by", at, reason FROM command
WHERE (%(seq)s::bigint IS NULL OR seq < %(seq)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(by)s::text IS NULL OR "by" = %(by)s)
ORDER BY seq DESC LIMIT %(limit)s
"""
_BY_NUMBER = COMMAND_COLUMNS.replace("by,", '"by",')
_LARGEST = 1 << 63


class ListedCommand(NamedTuple):
    """A command in a list; `at` is microseconds."""

    seq: int
    id: str
    kind: str
    by: str
    at: int
    reason: str


def newest_commands(
    connection: Connection, kind: str | None, by: str | None, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[ListedCommand]:
    """Commands, the newest first; a key is (seq,).

    Args:
        connection: of the reader role.
        kind: only these; None = all.
        by: only those of this login; None = of all.
        after: the key of the page before.
        limit: rows a page.
    """
    wanted: dict[str, Any] = {"kind": kind, "by": by, "limit": limit + 1, "seq": None if after is None else after[0]}
    rows = psycopg_of(connection).execute(_NEWEST, wanted).fetchall()
    commands = [ListedCommand(*row)._replace(at=to_micros(row[4])) for row in rows]
    return page_of(commands, limit, lambda one: (one.seq,))


def named_command(connection: Connection, name: str) -> ChainedCommand | None:
    """The command of this id, or else of this number."""
    if found := find_command(connection, name):
        return found
    if not name.isascii() or not name.isdigit() or int(name) >= _LARGEST:
        return None
    statement = f"SELECT {_BY_NUMBER} FROM command WHERE seq = %s"  # noqa: S608 - column names of ours
    row = psycopg_of(connection).execute(statement, (int(name),)).fetchone()
    return None if row is None else read_command(row)
