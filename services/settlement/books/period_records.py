"""`period_records_port` on PostgreSQL, streamed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from services.settlement.books.period_records_port import SealedSum
from services.settlement.books.period_rows import read_closes
from services.settlement.books.tables import period
from services.settlement.domain.book.periods import PeriodClose

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
Stream = Callable[[str, str], Iterator[Sequence[Any]]]
"""Rows of a statement, through a server-side cursor of a name."""


class StoredPeriodRecords:
    """`PeriodRecords` in a snapshot's connection."""

    def __init__(self, connection: Connection, stream: Stream) -> None:
        self._connection, self._stream = connection, stream

    def closes(self) -> list[PeriodClose]:
        """Every close in the order in which they were made."""
        return read_closes(self._connection)

    def months(self) -> dict[str, bool]:
        """Month that was ever closed -> whether it is closed now."""
        return dict(self._connection.execute(select(period.c.id, period.c.closed)).tuples().all())

    def sums(self) -> Iterator[SealedSum]:
        """What seals cover, as stored."""
        return map(SealedSum._make, self._stream("period_sums", _SUMS))

    def journal_sums(self) -> Iterator[SealedSum]:
        """What the rows of closed months add up to, each row at the first revision whose cut takes it in."""
        return map(SealedSum._make, self._stream("journal_sums", _JOURNAL_SUMS))
