"""The transaction of a close: sums first, the lock that posters wait for last."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from schemas.topics import CREDITS
from services.settlement.books import tables
from services.settlement.books.command_transaction import CommandTransaction
from services.settlement.books.period_tables import period_close
from services.settlement.books.posting_transaction import PERIOD, BookConnections
from services.settlement.domain.book.seals import NO_SEAL

CLOSING_SESSION = "-c jit=off -c lock_timeout=20s -c enable_hashjoin=off -c enable_mergejoin=off"
"""No timeout of the whole transaction, as of a poster's: it adds up a month, and holds up nobody before its end.

Sums find their accounts by key: the planner would read all accounts for a few sums.
"""

_SOON = "SET LOCAL transaction_timeout = '8s'"
"""From the lock on, a close that freezes holds up posters no longer than another poster would."""


_PUT_SUMS = """
INSERT INTO period_sum SELECT %s, %s, new.* FROM unnest(%s::int[], %s::bigint[]) AS new
ON CONFLICT (period, revision, account_id) DO UPDATE SET amount_minor = excluded.amount_minor
"""
_DROP_SUMS = "DELETE FROM period_sum WHERE period = %s AND revision = %s AND account_id = ANY(%s)"


class ClosingTransaction(CommandTransaction):
    """A command's transaction that can close a month."""

    def seqs(self) -> list[int]:
        """By writer, the number of its last row: all rows up to it are seen by later statements."""
        return list(self.connection.execute(select(tables.writer.c.seq).order_by(tables.writer.c.partition)).scalars())

    def offsets(self) -> list[int]:
        """By partition, the next offset of the credits."""
        wanted = select(tables.writer.c.next_offset).order_by(tables.writer.c.partition).limit(CREDITS.partitions)
        return list(self.connection.execute(wanted).scalars())

    def begin_close(self, period: str, revision: int, command_id: str) -> None:
        """Mark the month as closed and add the close, with neither cut nor seal yet."""
        new = upsert(tables.period).values(id=period, closed=True)
        self.connection.execute(new.on_conflict_do_update(index_elements=["id"], set_={"closed": True}))
        row = {
            "period": period, "revision": revision, "cut": [], "offsets": [], "previous_seal": NO_SEAL, "seal": b"",
            "command": command_id, "closed_by": text("session_user"), "closed_at": text("now()"),
        }  # fmt: skip
        self.connection.execute(insert(period_close).values(**row))

    def put_sums(self, period: str, revision: int, sums: Mapping[int, int]) -> None:
        """Store sums by account; a sum of zero has no row."""
        kept = {account: amount for account, amount in sums.items() if amount}
        gone = [account for account, amount in sums.items() if not amount]
        if kept:
            self.cursor.execute(_PUT_SUMS, (period, revision, list(kept), list(kept.values())))
        if gone:
            self.cursor.execute(_DROP_SUMS, (period, revision, gone))

    def try_lock_period(self, patience_ms: int) -> bool:
        """Wait for PERIOD, exclusive, so long; posters that begin meanwhile wait behind it.

        Held to the end of the transaction. False = somebody held it shared all the time.
        """
        try:
            with self.connection.begin_nested():
                self.cursor.execute(_SOON)
                self.cursor.execute(f"SET LOCAL lock_timeout = {patience_ms:d}")
                self.cursor.execute("SELECT pg_advisory_xact_lock(%s)", (PERIOD,))
        except psycopg.errors.LockNotAvailable:
            return False
        return True

    def end_close(self, period: str, revision: int, cut: Sequence[int], previous_seal: bytes, seal: bytes) -> None:
        """The cut, how far the credits are, and the seal."""
        values = {"cut": list(cut), "offsets": self.offsets(), "previous_seal": previous_seal, "seal": seal}
        of_close = period_close.c.period == period, period_close.c.revision == revision
        self.connection.execute(update(period_close).where(*of_close).values(**values))


@contextmanager
def closing_transaction(book: BookConnections) -> Iterator[ClosingTransaction]:
    """One transaction: committed at the end of the block, rolled back on an error."""
    connection = book.connection()
    with connection.begin():
        yield ClosingTransaction(connection, book.accounts(), book.terms())
