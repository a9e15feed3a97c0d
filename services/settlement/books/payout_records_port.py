"""What checkers read of payouts: batches, payouts, and when which decision was made on them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.domain.paying.batch_hash import BatchNet


class PayoutDecisions(NamedTuple):
    """By payout, the number of the command that cancelled it, and of the one that released it."""

    cancelled: Mapping[str, int]
    released: Mapping[str, int]


class PayoutRecords(Protocol):
    """All payouts in one unchanging snapshot."""

    def batches(self) -> list[StoredBatch]:
        """All in the order in which they were proposed."""

    def nets(self, batch: str) -> Sequence[BatchNet]:
        """What a batch nets."""

    def payouts(self) -> Iterator[StoredPayout]:
        """All by party, currency and batch."""

    def decisions(self) -> PayoutDecisions:
        """What was decided on them since they were proposed."""

    def payee_positions(self) -> Mapping[str, Sequence[int]]:
        """By party, the registry offsets at which somebody said where it is paid."""
