"""The books as readers see them: one REPEATABLE READ snapshot as the role reader, streamed by server-side cursors."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine, select, text

from services.kernel.errors import InvariantBroken, Refused
from services.settlement.books import tables
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.command_rows import read_commands
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.journal_rows import JOURNAL_COLUMNS, JournalRow
from services.settlement.books.line_rows import LINE_COLUMNS, read_line
from services.settlement.books.payout_records import StoredPayoutRecords
from services.settlement.books.period_records import StoredPeriodRecords
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.books.reference import refresh, stored_event
from services.settlement.books.run_records import StoredRunRecords
from services.settlement.books.settled_columns import read_shares
from services.settlement.books.snapshot_port import Balance, ContentRecord, LineRecord, NetPosition, StoredWriter
from services.settlement.books.terms_ids import TermsIds
from services.settlement.domain.book.commands import ChainedCommand
from services.settlement.domain.book.entries import Link
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.contents import BUDGET_POSITION, SCRIPT_FEE_POSITION

_SESSION = ("cursor_tuple_fraction = 1", "work_mem = '64MB'", "jit = off")
"""Every cursor here is read to its end: plan for the last row, not for the first."""

_FETCH = 2_000
_JOURNAL = f"SELECT {JOURNAL_COLUMNS} FROM journal ORDER BY writer, seq"  # noqa: S608 - column names of ours
_NET = """
SELECT order_id, line_id, key, currency, amount FROM (
  SELECT j.order_id, j.line_id, a.key, j.currency, sum(leg.amount)::bigint AS amount
  FROM journal j, unnest(j.accounts, j.amounts) AS leg (account_id, amount) JOIN account a ON a.id = leg.account_id
  GROUP BY j.order_id, j.line_id, a.key, j.currency HAVING sum(leg.amount) <> 0
) net ORDER BY concat_ws('|', coalesce(order_id, ''), coalesce(line_id, ''), key, currency) COLLATE "C"
"""
_LINES = f"""
WITH leg AS (
  SELECT order_id, line_id, coalesce(substring(idem_key FROM '/[^|/]+/([^|/]+)'), '') AS buyer_id,
    leg.account_id, sum(leg.amount)::bigint AS amount
  FROM journal, unnest(accounts, amounts) AS leg (account_id, amount)
  WHERE order_id IS NOT NULL GROUP BY 1, 2, 3, 4 HAVING sum(leg.amount) <> 0
), net AS (
  SELECT order_id, line_id, buyer_id, array_agg(account_id) AS net_accounts, array_agg(amount) AS net_amounts
  FROM leg GROUP BY 1, 2, 3
)
SELECT {LINE_COLUMNS.replace("partition", "line.partition", 1)}, net_accounts, net_amounts, raw, assertion.partition,
  hint.of_order IS NOT NULL
FROM line FULL JOIN net USING (order_id, line_id, buyer_id) FULL JOIN assertion USING (order_id, line_id, buyer_id)
LEFT JOIN (
  SELECT DISTINCT partition AS number, settle_on AS day, order_id AS of_order, line_id AS of_line, buyer_id AS of_buyer
  FROM due
) hint ON of_order = line.order_id AND of_line = line.line_id AND of_buyer = line.buyer_id
  AND number = line.partition AND day = (line.settle_at AT TIME ZONE 'UTC')::date
"""  # noqa: S608 - column names of ours
_CONTESTED = f"""
SELECT {LINE_COLUMNS} FROM line WHERE (order_id, line_id) IN (
  SELECT order_id, line_id FROM line GROUP BY 1, 2 HAVING count(*) > 1 OR count(*) FILTER (WHERE standing) <> 1
) ORDER BY order_id, line_id, buyer_id
"""  # noqa: S608 - column names of ours
_CONTENTS = f"""
WITH leg AS (
  SELECT split_part(idem_key, '|', 3) AS kind, leg.account_id,
    split_part(idem_key, '|', 4) || CASE WHEN split_part(idem_key, '|', 3) = '{BUDGET_POSITION}'
      THEN '|' || split_part(idem_key, '|', 5) ELSE '' END AS identity,
    sum(leg.amount)::bigint AS amount
  FROM journal, unnest(accounts, amounts) AS leg (account_id, amount)
  WHERE order_id IS NULL
    AND (idem_key LIKE 'registry|%' OR idem_key LIKE 'run|%' AND split_part(idem_key, '|', 3) = '{SCRIPT_FEE_POSITION}')
  GROUP BY 1, 2, 3 HAVING sum(leg.amount) <> 0
), net AS (
  SELECT kind, identity, currency, array_agg(account_id) AS net_accounts, array_agg(amount) AS net_amounts
  FROM leg JOIN account a ON a.id = leg.account_id GROUP BY 1, 2, 3
)
SELECT kind, identity, currency, accounts, amounts, net_accounts, net_amounts, settled_accounts, settled_amounts
FROM content_position FULL JOIN net USING (kind, identity, currency) ORDER BY kind, identity, currency
"""  # noqa: S608 - words of ours
_WIDTH = len(LINE_COLUMNS.split(","))


@contextmanager
def repeatable_read(engine: Engine) -> Iterator[Connection]:
    """A read-only connection that sees the books as they are at this moment, for as long as the block lasts."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        for setting in _SESSION:
            connection.execute(text(f"SET LOCAL {setting}"))
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator["Snapshot"]:
    """The books as they are at this moment, for as long as the block lasts; they go on changing for others.

    Args:
        engine: of the reader role.
    """
    with repeatable_read(engine) as connection:
        yield Snapshot(connection)


class Snapshot:
    """`snapshot_port.BooksSnapshot` on PostgreSQL, and the reads of the commands."""

    def __init__(self, connection: Any, accounts: Sequence[str] | None = None) -> None:
        """Begin to read.

        Args:
            connection: of the snapshot.
            accounts: keys of those that matter; None = all.
        """
        self._connection = connection
        self._raw = psycopg_of(connection)
        self._accounts = AccountIds(self._raw, accounts)
        self._terms = TermsIds(self._raw)
        self.names: Mapping[int, tuple[str, str]] = self._accounts.names

    def _stream(self, name: str, statement: str, parameters: Any = None) -> Iterator[Sequence[Any]]:
        """Rows through a server-side cursor of this name."""
        with self._raw.cursor(name=name, binary=True) as cursor:
            cursor.itersize = _FETCH
            yield from cursor.execute(statement, parameters)

    def journal(self) -> Iterator[JournalRow]:
        """All rows by writer, then seq, times in microseconds."""
        yield from map(JournalRow.read, self._stream("journal_rows", _JOURNAL))

    def journal_rows(self) -> int:
        """How many rows the writers say there are."""
        return sum(writer.last.seq for writer in self.writers())

    def writers(self) -> list[StoredWriter]:
        """All writers by number."""
        table = tables.writer
        wanted = select(table.c.partition, table.c.seq, table.c.chain_head, table.c.join_open).order_by("partition")
        return [
            StoredWriter(number, Link(seq, bytes(head)), join_open)
            for number, seq, head, join_open in self._connection.execute(wanted)
        ]

    def balances(self) -> Iterator[tuple[int, Balance]]:
        """Every account's balance by id; none stored counts as one of nothing."""
        account, balance = tables.account, tables.balance
        wanted = (
            select(account.c.id, account.c.key, account.c.currency, balance.c.amount_minor, balance.c.entries)
            .join(balance, isouter=True)
            .order_by(account.c.id)
        )
        for number, key, currency, amount, entries in self._connection.execute(wanted):
            yield number, Balance(key, currency, amount or 0, entries or 0)

    def net_positions(self) -> Iterator[NetPosition]:
        """Non-zero net positions from journal rows alone, in the digest's order."""
        for row in self._stream("net_positions", _NET):
            yield NetPosition(*row)

    def lines(self) -> Iterator[LineRecord]:
        """Every line that has a row, an assertion or journal rows."""
        for row in self._stream("line_rows", _LINES):
            key: Key = (row[0], row[1], row[2])
            net_accounts, net_amounts, raw, partition, has_hint = row[_WIDTH:]
            line, assertion, damage = None, None, None
            currency = row[12] or ""
            try:
                journal = self._position(net_accounts, net_amounts, currency)
                stored = self._position(row[17], row[18], currency)
                line = None if row[3] is None else read_line(row, self._accounts, self._terms)
                assertion = None if raw is None else decode_credit(bytes(raw))
            except (InvariantBroken, ValueError, Refused) as broken:
                journal, stored, damage = {}, {}, str(broken)
            if damage is None and line is not None and raw is not None and line.partition != partition:
                damage = f"line of partition {line.partition}, assertion of partition {partition}"
            yield LineRecord(key, line, stored, journal, assertion, damage, has_hint)

    def contested(self) -> Iterator[list[Line]]:
        """Order lines that several buyers claim, or of which not exactly one line stands."""
        several: list[Line] = []
        for row in self._stream("contested", _CONTESTED):
            line = read_line(row, self._accounts, self._terms)
            if several and several[0].key[:2] != line.key[:2]:
                yield several
                several = []
            several.append(line)
        if several:
            yield several

    def contents(self) -> Iterator[ContentRecord]:
        """Every script fee and spend that is booked, stored and by the journal."""
        for (kind, identity), rows in groupby(self._stream("contents", _CONTENTS), key=lambda row: tuple(row[:2])):
            record = ContentRecord(kind, identity, {}, {}, {})
            for _, _, currency, accounts, amounts, net_accounts, net_amounts, settled, settled_amounts in rows:
                record.stored.update(self._by_currency(accounts, amounts))
                record.journal.update(self._by_currency(net_accounts, net_amounts))
                if settled:
                    record.settled[currency] = read_shares(settled, settled_amounts, self._accounts)
            yield record

    def facts(self, kind: str, identity: str | None = None) -> dict[str, ReferenceEvent]:
        """Standing registry events of one kind by identity; of this identity, or all."""
        table = tables.reference
        wanted = select(table).where(table.c.kind == kind).order_by(table.c.position)
        if identity is not None:
            wanted = wanted.where(table.c.identity == identity)
        rows = self._connection.execute(wanted).mappings()
        return {event.identity: event for event in map(stored_event, rows)}

    def reference(self) -> Reference:
        """Plans and relations at the snapshot's registry revision."""
        known = Reference()
        revision = self._connection.execute(select(tables.registry_position.c.revision)).scalar_one()
        refresh(self._connection, known, revision)
        return known

    def commands(self) -> Iterator[ChainedCommand]:
        """All commands by number."""
        yield from read_commands(self._connection)

    def run_records(self) -> StoredRunRecords:
        """What is kept of settlement runs."""
        return StoredRunRecords(self._raw, self._stream, self._accounts, self._terms)

    def period_records(self) -> StoredPeriodRecords:
        """What is kept of closed months."""
        return StoredPeriodRecords(self._connection, self._stream)

    def payout_records(self) -> StoredPayoutRecords:
        """What is kept of payouts."""
        return StoredPayoutRecords(self._raw, self._stream)

    def open_jobs(self) -> dict[int, list[int]]:
        """Partition -> reprice jobs with lines left in it."""
        table = tables.reprice_progress
        jobs: dict[int, list[int]] = {}
        wanted = select(table.c.partition, table.c.job).where(~table.c.done).order_by(table.c.partition, table.c.job)
        for partition, job in self._connection.execute(wanted):
            jobs.setdefault(partition, []).append(job)
        return jobs

    def _position(self, accounts: Sequence[int] | None, amounts: Sequence[int] | None, currency: str) -> Position:
        """A position by account key; a leg in another currency than the line's carries it in its key."""
        position = {}
        for of, found in self._by_currency(accounts, amounts).items():
            position.update({key if of == currency else f"{key} {of}": amount for key, amount in found.items()})
        return position

    def _by_currency(self, accounts: Sequence[int] | None, amounts: Sequence[int] | None) -> dict[str, Position]:
        """A position by currency and account key."""
        found: dict[str, Position] = {}
        for account, amount in zip(accounts or (), amounts or (), strict=True):
            if account not in self.names:
                raise InvariantBroken(f"account {account} is unknown")
            key, currency = self.names[account]
            found.setdefault(currency, {})[key] = amount
        return found
