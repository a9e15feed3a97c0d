"""What checkers read of payouts, on books in memory."""

from collections.abc import Iterator, Sequence

from services.settlement.books.memory_state import MemoryState
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.payout_records_port import PayoutDecisions, PayoutRecords
from services.settlement.domain.paying.batch_hash import BatchNet
from services.settlement.domain.paying.payees import PAYEE


class MemoryPayoutRecords(PayoutRecords):
    """`PayoutRecords` on a state that nobody changes any more."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    def batches(self) -> list[StoredBatch]:
        """All in the order in which they were proposed."""
        return [batch for batch, _ in self._state.batches.values()]

    def nets(self, batch: str) -> Sequence[BatchNet]:
        """What a batch nets."""
        return self._state.batches[batch][1]

    def payouts(self) -> Iterator[StoredPayout]:
        """All by party, currency and batch."""
        every = self._state.payouts.values()
        return iter(sorted(every, key=lambda one: (one.plan.party, one.plan.currency, one.batch)))

    def decisions(self) -> PayoutDecisions:
        """What was decided on them since they were proposed."""
        return PayoutDecisions(self._state.cancelled, self._state.released)

    def payee_positions(self) -> dict[str, list[int]]:
        """By party, the registry offsets at which somebody said where it is paid."""
        facts = self._state.facts.items()
        return {party: [event.position for event, _ in versions] for (kind, party), versions in facts if kind == PAYEE}
