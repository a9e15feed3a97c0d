"""Payouts in PostgreSQL: who proposes them on which connection, and what readers list of them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from services.runtime.database import PersonalLogin
from services.settlement.books.payout_ports import StoredBatch
from services.settlement.books.payout_rows import BATCHES, read_batch
from services.settlement.books.payout_snapshot import PayoutBooksSnapshot
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.books.proposal_transaction import StoredProposalTransaction
from services.settlement.books.record_command import find_recorded
from services.settlement.books.run_store import RunBooks, opened_store
from services.settlement.books.snapshot import repeatable_read
from services.settlement.domain.book.commands import CommandDraft

_END_SOON = "SET LOCAL transaction_timeout = '60s'"
"""A proposal holds writer N alone, for seconds where there are many parties."""


class PayoutBooks(RunBooks):
    """`payout_ports.PayoutStore`; and runs, for one that was left is finished first."""

    def find_batch(self, draft: CommandDraft) -> StoredBatch | None:
        """The batch that this command proposed before."""
        with self._plain.connect() as connection, connection.begin():
            if find_recorded(connection, draft) is None:
                return None
            row = psycopg_of(connection).execute(f"{BATCHES} WHERE id = %s", (draft.id,)).fetchone()
            return None if row is None else read_batch(row)

    @contextmanager
    def payout_snapshot(self) -> Iterator[PayoutBooksSnapshot]:
        """One snapshot, on a connection of its own."""
        with repeatable_read(self._plain) as connection:
            yield PayoutBooksSnapshot(connection)

    @contextmanager
    def proposing(self) -> Iterator[StoredProposalTransaction]:
        """One transaction, committed at the end."""
        with self._planned_by(StoredProposalTransaction) as transaction:
            transaction.cursor.execute(_END_SOON)
            yield transaction


def payout_store(login: PersonalLogin | None = None) -> AbstractContextManager[PayoutBooks]:
    """The books for payouts, through a personal login in the role koc_operator: this one, or that of its address.

    Raises:
        StartRefused: no address is set, the schema or the zone is another one, or the login may not do what it must.
    """
    return opened_store(PayoutBooks, login)
