"""Rows of `statement`, said once: as the relay publishes them, and as the command line lists and writes them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from services.kernel.time import format_rfc3339, to_micros
from services.settlement.books.period_tables import period_close, statement, statement_relay
from services.settlement.domain.statements.statement import NumberedStatement

NUMBERED = """
seq, period, revision, party, currency, sha256, body, path, root, closed_at
FROM statement JOIN period_close USING (period, revision)
"""
"""Columns and tables of a statement with its root."""

_FETCH = 200


class StatementName(NamedTuple):
    """A statement in a list: its number, whose it is, and the sha256 of its body."""

    seq: int
    party: str
    currency: str
    sha256: bytes


class StatementChoice(NamedTuple):
    """Which statements of a close are wanted; None = of every party, in every currency."""

    period: str
    revision: int
    party: str | None
    currency: str | None


def read_statement(row: Sequence[Any]) -> NumberedStatement:
    """A row of NUMBERED as the database gives it."""
    seq, period, revision, party, currency, digest, body, path, root, closed_at = row
    steps, closed = [bytes(step) for step in path], format_rfc3339(to_micros(closed_at))
    return NumberedStatement(seq, period, revision, party, currency, bytes(digest), body, steps, bytes(root), closed)


def list_statements(connection: Connection, choice: StatementChoice) -> Iterator[StatementName]:
    """Names of statements by number."""
    columns = statement.c
    wanted = select(columns.seq, columns.party, columns.currency, columns.sha256)
    for seq, party, currency, digest in connection.execute(wanted.where(_is(choice)).order_by(columns.seq)):
        yield StatementName(seq, party, currency, bytes(digest))


def count_statements(connection: Connection, choice: StatementChoice) -> int:
    """How many there are."""
    return connection.execute(select(func.count()).select_from(statement).where(_is(choice))).scalar_one()


def read_statements(connection: Connection, choice: StatementChoice) -> Iterator[NumberedStatement]:
    """Whole statements by number, some at a time."""
    columns, close = statement.c, period_close.c
    wanted = (
        select(
            columns.seq, columns.period, columns.revision, columns.party, columns.currency, columns.sha256,
            columns.body, columns.path, close.root, close.closed_at,
        )
        .join(period_close, and_(close.period == columns.period, close.revision == columns.revision))
        .where(_is(choice))
        .order_by(columns.seq)
    )  # fmt: skip
    for row in connection.execution_options(stream_results=True, max_row_buffer=_FETCH).execute(wanted):
        yield read_statement(row)


def unpublished_statements() -> Select[int]:
    """How many statements of complete closes the relay has not published yet."""
    columns, close = statement.c, period_close.c
    issued = (
        select(func.coalesce(func.max(columns.seq), 0))
        .join(period_close, and_(close.period == columns.period, close.revision == columns.revision))
        .where(close.root.is_not(None))
        .scalar_subquery()
    )
    return select(issued - statement_relay.c.seq)


def _is(choice: StatementChoice) -> ColumnElement[bool]:
    columns = statement.c
    conditions = [columns.period == choice.period, columns.revision == choice.revision]
    if choice.party is not None:
        conditions.append(columns.party == choice.party)
    if choice.currency is not None:
        conditions.append(columns.currency == choice.currency)
    return and_(*conditions)
