"""`period_records_port` on PostgreSQL, streamed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from services.kernel.time import to_datetime
from services.settlement.books.journal_rows import JOURNAL_COLUMNS, ChainedEntry, JournalRow, Names
from services.settlement.books.period_records_port import SealedSum
from services.settlement.books.period_rows import read_closes
from services.settlement.books.tables import period
from services.settlement.domain.book.entries import GENESIS
from services.settlement.domain.book.periods import KnownMonth, PeriodClose

_ORDER = "period, concat(key, '|', currency) COLLATE \"C\", revision"
_SUMS = f"""
SELECT period, key, currency, revision, amount_minor FROM period_sum JOIN account ON account.id = account_id
ORDER BY {_ORDER}
"""  # noqa: S608 - words of ours
_JOURNAL_SUMS = f"""
SELECT period, key, currency, revision, amount FROM (
  SELECT journal.period, taken.revision, leg.account_id, sum(leg.amount)::bigint AS amount
  FROM journal CROSS JOIN LATERAL (
    SELECT min(revision) AS revision FROM period_close
    WHERE period_close.period = journal.period AND journal.seq <= period_close.cut[journal.writer + 1]
  ) taken, unnest(journal.accounts, journal.amounts) AS leg (account_id, amount)
  WHERE taken.revision IS NOT NULL GROUP BY 1, 2, 3
) booked JOIN account ON account.id = account_id ORDER BY {_ORDER}
"""  # noqa: S608 - words of ours
_KNOWN = """
(cast(%(cut)s AS bigint[]) IS NULL OR journal.seq <= (cast(%(cut)s AS bigint[]))[journal.writer + 1])
AND (cast(%(recorded_by)s AS timestamptz) IS NULL OR journal.recorded_at <= %(recorded_by)s)
"""
_BALANCES = f"""
SELECT key, currency, opening, movement FROM (
  SELECT leg.account_id, coalesce(sum(leg.amount) FILTER (WHERE journal.period < %(period)s), 0)::bigint AS opening,
    coalesce(sum(leg.amount) FILTER (WHERE journal.period = %(period)s), 0)::bigint AS movement
  FROM journal, unnest(journal.accounts, journal.amounts) AS leg (account_id, amount)
  WHERE journal.period <= %(period)s AND {_KNOWN} GROUP BY 1
) booked JOIN account ON account.id = account_id WHERE opening <> 0 OR movement <> 0
ORDER BY key COLLATE "C", currency
"""  # noqa: S608 - words of ours
_ENTRIES = f"""
SELECT {", ".join("journal." + column for column in JOURNAL_COLUMNS.split(", "))}, before.chain FROM journal
LEFT JOIN journal before ON before.writer = journal.writer AND before.seq = journal.seq - 1
WHERE journal.period = %(period)s AND {_KNOWN} ORDER BY journal.writer, journal.seq
"""  # noqa: S608 - words of ours
_Stream = Callable[..., Iterator[Sequence[Any]]]
"""Rows of a statement with its parameters, through a server-side cursor of a name."""


class AccountMonth(NamedTuple):
    """An account in a month: what it began with, what moved; its closing is their sum."""

    account: str
    currency: str
    opening_minor: int
    movement_minor: int

    @property
    def closing_minor(self) -> int:
        """What the month ended with."""
        return self.opening_minor + self.movement_minor


class StoredPeriodRecords:
    """`PeriodRecords` in a snapshot's connection."""

    def __init__(self, connection: Connection, stream: _Stream) -> None:
        self._connection, self._stream = connection, stream

    def closes(self) -> list[PeriodClose]:
        """Every close in the order in which they were made."""
        return read_closes(self._connection)

    def months(self) -> dict[str, bool]:
        """Month that was ever closed -> whether it is closed now."""
        return dict(self._connection.execute(select(period.c.id, period.c.closed)).all())

    def sums(self) -> Iterator[SealedSum]:
        """What seals cover, as stored."""
        return map(SealedSum._make, self._stream("period_sums", _SUMS))

    def journal_sums(self) -> Iterator[SealedSum]:
        """What the rows of closed months add up to, each row at the first revision whose cut takes it in."""
        return map(SealedSum._make, self._stream("journal_sums", _JOURNAL_SUMS))

    def balances(self, known: KnownMonth) -> Iterator[AccountMonth]:
        """Every account that had a balance or moved, by key and currency; earlier months by what was known then too."""
        return map(AccountMonth._make, self._stream("month_balances", _BALANCES, _values(known)))

    def entries(self, known: KnownMonth, names: Names) -> Iterator[ChainedEntry]:
        """A month's entries by writer and number.

        Raises:
            InvariantBroken: a row that cannot be read; `koc ledger verify` says more.
        """
        for *columns, before in self._stream("month_entries", _ENTRIES, _values(known)):
            row = JournalRow.read(columns)
            yield ChainedEntry(row.readable(names), GENESIS.head if before is None else bytes(before))


def _values(known: KnownMonth) -> dict[str, Any]:
    recorded_by = None if known.recorded_by is None else to_datetime(known.recorded_by)
    cut = None if known.cut is None else list(known.cut)
    return {"period": known.period, "cut": cut, "recorded_by": recorded_by}
