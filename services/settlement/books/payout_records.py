"""What checkers read of payouts in PostgreSQL, within a transaction of their snapshot."""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.topics import CREDITS
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.payout_records_port import PayoutDecisions
from services.settlement.books.payout_rows import BATCHES, NETS, PAYOUTS, read_batch, read_net, read_payout
from services.settlement.books.run_records import Stream
from services.settlement.domain.paying.batch_hash import BatchNet

_CANCELLED = """
SELECT payout.id, min(command.seq) FROM payout JOIN command
  ON command.body ->> 'batch' = payout.batch AND coalesce(command.body ->> 'payout', payout.id) = payout.id
WHERE command.kind = 'payout.cancelled' AND payout.status = 'cancelled' GROUP BY 1
"""
_RELEASED = "SELECT body ->> 'payout', min(seq) FROM command WHERE kind = 'payout.released' GROUP BY 1"
_PAYEES = "SELECT identity, array_agg(position) FROM reference WHERE kind = 'payee.set' GROUP BY 1"


class StoredPayoutRecords:
    """`payout_records_port.PayoutRecords` on PostgreSQL.

    Args:
        connection: a psycopg connection in a snapshot.
        stream: opens a cursor of it.
    """

    def __init__(self, connection: Any, stream: Stream) -> None:
        self._connection = connection
        self._stream = stream

    def batches(self) -> list[StoredBatch]:
        """All in the order in which they were proposed."""
        return [read_batch(row) for row in self._all(f"{BATCHES} ORDER BY cut[{CREDITS.partitions + 1}], proposed_at")]

    def nets(self, batch: str) -> list[BatchNet]:
        """What a batch nets."""
        return [read_net(row) for row in self._all(NETS, (batch,))]

    def payouts(self) -> Iterator[StoredPayout]:
        """All by party, currency and batch."""
        for row in self._stream("payout_rows", f"{PAYOUTS} ORDER BY party, currency, batch", None):
            yield read_payout(row)

    def decisions(self) -> PayoutDecisions:
        """What was decided on them since they were proposed."""
        return PayoutDecisions(dict(map(tuple, self._all(_CANCELLED))), dict(map(tuple, self._all(_RELEASED))))

    def payee_positions(self) -> dict[str, list[int]]:
        """By party, the registry offsets at which somebody said where it is paid."""
        return dict(map(tuple, self._all(_PAYEES)))

    def _all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = self._connection.execute(statement, parameters).fetchall()
        return found
