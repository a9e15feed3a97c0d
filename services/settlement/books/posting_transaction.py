"""The poster's connections to the books, and the hot transaction: the steps of docs/settlement.md, a statement each.

A connection is one SQLAlchemy connection; registry statements go through it, hot ones through the psycopg connection
below it, within the same transaction.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine

from services.kernel.errors import InvariantBroken
from services.kernel.time import to_micros
from services.settlement.books import write_rows
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.copy_format import literal
from services.settlement.books.line_rows import LINE_COLUMNS, read_line
from services.settlement.books.ports import LineChange, TransactionTime, Writer
from services.settlement.books.reference import refresh
from services.settlement.books.terms_ids import TermsIds
from services.settlement.domain.book.entries import Link
from services.settlement.domain.book.periods import ClosedMonths
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference

PERIOD, REGISTRY = 4_715_010, 4_715_011
"""Keys of the advisory locks: the closer holds PERIOD exclusively, the registry's reader REGISTRY."""

SESSION = " ".join(
    f"-c {option}"
    for option in (
        "transaction_timeout=8s",  # below Kafka's session timeout: a frozen holder ends before its partitions move
        "jit=off",
        "plan_cache_mode=force_custom_plan",
        "enable_hashjoin=off",  # staging tables have no statistics: the planner would hash the whole state table
        "enable_mergejoin=off",
    )
)
KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A cut network shows within seconds, also to a client that only waits."""

_END_OVERDUE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = current_user AND wait_event = 'ClientRead' AND query LIKE 'COPY %' AND state = 'active'
  AND query NOT LIKE 'COPY run_line %'
  AND xact_start < clock_timestamp() - nullif(current_setting('transaction_timeout'), '0')::interval
"""
"""transaction_timeout does not end a transaction whose COPY waits for its client: a poster that was frozen there would
hold its writers' rows until it wakes. Whoever connects, as after each failure, ends what should have ended. A run's
plan is copied into run_line for minutes and holds no row of a writer."""

_LOCK_WRITERS = """
SELECT partition, generation, next_offset, seq, chain_head, join_open FROM writer
WHERE partition = ANY(%s) ORDER BY partition FOR UPDATE
"""
CLOSED_MONTHS = "(SELECT max(id) FROM period), (SELECT min(id) FROM period WHERE NOT closed)"
"""Columns of `domain.book.periods.ClosedMonths`."""

_MOMENT = f"SELECT now(), {CLOSED_MONTHS}, (SELECT revision FROM registry_position)"  # noqa: S608 - words of ours
_READ_LINES = f"""
SELECT {", ".join("line." + column.strip() for column in LINE_COLUMNS.split(","))}
FROM unnest(%s::text[], %s::text[]) AS wanted (order_id, line_id) JOIN line USING (order_id, line_id)
"""  # noqa: S608 - column names of ours


class BookConnections:
    """Connections of one poster process; reconnects on demand.

    Args:
        engine: of the writer role, made with SESSION and KEEPALIVES.
        accounts_engine: of the writer role; accounts and terms are created on it, outside any transaction.
    """

    def __init__(self, engine: Engine, accounts_engine: Engine) -> None:
        self._engine = engine
        self._accounts_engine = accounts_engine
        self._connection: Connection | None = None
        self._accounts_connection: Connection | None = None
        self._accounts: AccountIds | None = None
        self._terms: TermsIds | None = None

    def connection(self) -> Connection:
        """The open connection, with its staging tables; connects where there is none."""
        if self._connection is None:
            connection = self._engine.connect()
            raw = psycopg_of(connection)
            raw.execute(_END_OVERDUE)
            for statement in write_rows.STAGING:
                raw.execute(statement)
            raw.commit()
            self._connection = connection
        return self._connection

    def accounts(self) -> AccountIds:
        """The account ids; loads them on first use."""
        if self._accounts is None:
            self._accounts = AccountIds(self._autocommitting())
        return self._accounts

    def terms(self) -> TermsIds:
        """The terms that lines name."""
        if self._terms is None:
            self._terms = TermsIds(self._autocommitting())
        return self._terms

    def _autocommitting(self) -> psycopg.Connection[Any]:
        """A connection on which each statement is a transaction."""
        if self._accounts_connection is None:
            connection = self._accounts_engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._accounts_connection = connection
        return psycopg_of(self._accounts_connection)

    @contextmanager
    def transaction(self) -> Iterator["PostingTransaction"]:
        """One transaction: committed at the end of the block, rolled back on an error."""
        connection = self.connection()
        with connection.begin():
            yield PostingTransaction(connection, self.accounts(), self.terms())

    def disconnect(self) -> None:
        """Drop the connections; the next transaction connects again."""
        for connection in (self._connection, self._accounts_connection):
            if connection is not None:
                connection.invalidate()
                connection.close()
        self._connection = self._accounts_connection = self._accounts = self._terms = None


def psycopg_of(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection below a SQLAlchemy one."""
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


class PostingTransaction:
    """`ports`: Transaction on PostgreSQL; the caller commits."""

    def __init__(self, connection: Connection, accounts: AccountIds, terms: TermsIds) -> None:
        self.connection = connection
        self.accounts = accounts
        self.terms = terms
        raw = psycopg_of(connection)
        self.cursor = raw.cursor(binary=True)

    def lock_shared(self) -> None:
        """Step 1."""
        self.cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (PERIOD,))
        self.cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (REGISTRY,))

    def lock_writers(self, numbers: Collection[int]) -> dict[int, Writer]:
        """Step 2."""
        rows = self.cursor.execute(_LOCK_WRITERS, (sorted(numbers),)).fetchall()
        if len(rows) != len(numbers):
            raise InvariantBroken(f"writer rows are missing among {sorted(numbers)}")
        return {
            number: Writer(number, generation, offset, Link(seq, bytes(head)), join_open)
            for number, generation, offset, seq, head, join_open in rows
        }

    def moment(self, reference: Reference) -> TransactionTime:
        """Step 3a."""
        now, newest, reopened, revision = self.cursor.execute(_MOMENT).fetchone() or (None,) * 4
        if now is None or revision is None:
            raise InvariantBroken("the row of registry_position is missing")
        if revision != reference.revision:
            refresh(self.connection, reference, revision)
        return TransactionTime(to_micros(now), ClosedMonths(newest, reopened).oldest_open)

    def read_lines(self, order_lines: Collection[tuple[str, str]]) -> list[Line]:
        """Step 3b."""
        if not order_lines:
            return []
        orders, lines = zip(*order_lines, strict=True)
        return [
            read_line(row, self.accounts, self.terms)
            for row in self.cursor.execute(_READ_LINES, (literal(orders), literal(lines)))
        ]

    def write(
        self, changes: Iterable[LineChange], demoted: Sequence[Line], writers: Mapping[int, Writer], recorded_at: int
    ) -> None:
        """Steps 5b and 6."""
        waiting = write_rows.changes(self.cursor, changes, self.accounts, recorded_at)
        waiting.write(self.cursor, demoted)
        write_rows.writers(self.cursor, writers)
