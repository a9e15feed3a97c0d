"""Batches and payouts by the names that a person gives."""

from sqlalchemy import Connection

from services.kernel.errors import InputRefused
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.payout_reads import find_batch, find_payout


def known_batch(connection: Connection, batch_id: str) -> StoredBatch:
    """The batch of this id.

    Raises:
        InputRefused: there is none.
    """
    batch = find_batch(connection, batch_id)
    if batch is None:
        raise InputRefused(f"no batch of payouts is called {batch_id}: `koc payout list` lists them")
    return batch


def known_payout(connection: Connection, payout_id: str) -> StoredPayout:
    """The payout of this id.

    Raises:
        InputRefused: there is none.
    """
    payout = find_payout(connection, payout_id)
    if payout is None:
        raise InputRefused(f"no payout is called {payout_id}: `koc payout show BATCH` lists those of a batch")
    return payout
