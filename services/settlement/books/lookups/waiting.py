"""What in the books waits for a person or a process: unfinished runs, payouts, months without statements."""

from typing import NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_micros
from services.settlement.books.posting_transaction import psycopg_of

_RUNS = "SELECT id, planned_at FROM run WHERE status <> 'done' ORDER BY planned_at, id"
_PAYOUTS = """
SELECT batch.status, batch.id, coalesce(batch.approved_at, batch.proposed_at), count(*)
FROM payout JOIN payout_batch batch ON batch.id = payout.batch
WHERE payout.status = 'instructed' AND batch.status <> 'cancelled' GROUP BY 1, 2, 3 ORDER BY 3, 2
"""
_REFUSED = "SELECT count(*) FROM payout WHERE refused"
_UNSTATED = "SELECT period FROM period_close WHERE root IS NULL ORDER BY closed_at"


class UnfinishedRun(NamedTuple):
    """A run that is planned and not done, since when (microseconds)."""

    id: str
    since: int


class WaitingBatch(NamedTuple):
    """A batch of payouts that wait for its approval, or for the bank's reply, since when (microseconds)."""

    id: str
    is_approved: bool
    since: int
    payouts: int


def unfinished_runs(connection: Connection) -> list[UnfinishedRun]:
    """Runs that are not done, the oldest first."""
    rows = psycopg_of(connection).execute(_RUNS).fetchall()
    return [UnfinishedRun(run, to_micros(at)) for run, at in rows]


def waiting_batches(connection: Connection) -> list[WaitingBatch]:
    """Batches with payouts that no reply has ended, the oldest first; reads all payouts."""
    rows = psycopg_of(connection).execute(_PAYOUTS).fetchall()
    return [WaitingBatch(batch, status == "approved", to_micros(at), count) for status, batch, at, count in rows]


def count_refused_payouts(connection: Connection) -> int:
    """Payouts that a bank has refused or given back, and that nobody has released; by an index of these."""
    [[count]] = psycopg_of(connection).execute(_REFUSED).fetchall()
    return int(count)


def months_without_statements(connection: Connection) -> list[str]:
    """Closed months whose statements are still to be made."""
    return [period for (period,) in psycopg_of(connection).execute(_UNSTATED).fetchall()]
