"""The ports of payouts on books in memory, so that laws over many histories have payouts in them."""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext

from services.settlement.books.memory import MemoryTransaction
from services.settlement.books.memory_net_snapshot import MemoryNetSnapshot
from services.settlement.books.memory_runs import MemoryRunStore
from services.settlement.books.net_ports import InCurrency, RunPoint
from services.settlement.books.payout_ports import (
    OpenLegs,
    PayoutSnapshot,
    PayoutStore,
    ProposalTransaction,
    StoredBatch,
    StoredPayout,
)
from services.settlement.books.ports import TransactionTime
from services.settlement.domain.book import chart
from services.settlement.domain.book.commands import CommandDraft, JsonObject
from services.settlement.domain.paying.batch_hash import BatchNet
from services.settlement.domain.paying.entry_sets import NOT_COVERED
from services.settlement.domain.paying.payees import LEFT, PAYEE, Payee, departure_of, payee_of
from services.settlement.domain.paying.payouts import CONFIRMED, INSTRUCTED
from services.settlement.domain.pricing.reference import Reference

_NOT_COVERED = {kind.code for kind in NOT_COVERED}


class MemoryPayoutSnapshot(MemoryNetSnapshot, PayoutSnapshot):
    """`PayoutSnapshot` on a state that nobody changes any more."""

    def payable_parties(self) -> set[InCurrency]:
        """All that something is payable to."""
        return {
            (chart.party_of(key), currency)
            for (key, currency), number in self._state.accounts.items()
            if key.endswith(":payable") and self._state.balances[number][0]
        }

    def payees(self) -> dict[str, Payee]:
        """Where each party is paid."""
        return {owner: payee_of(event.body) for owner, event in self._state.standing(PAYEE).items()}

    def departed(self, as_of: int) -> frozenset[str]:
        """Parties that had left by this moment."""
        every = [departure_of(event.body) for event in self._state.standing(LEFT).values()]
        return frozenset(one.party for one in every if one.left_at <= as_of)

    def paid_between(self, start: int, end: int) -> dict[InCurrency, int]:
        """What payouts of batches as of these moments have taken, with tax; not those that came back."""
        paid: Counter[InCurrency] = Counter()
        for payout in self._state.payouts.values():
            batch, _ = self._state.batches[payout.batch]
            if start <= batch.as_of < end and payout.status in (INSTRUCTED, CONFIRMED):
                paid[payout.plan.party, payout.plan.currency] += payout.plan.gross_minor
        return dict(paid)

    def open_legs(self, parties: Collection[InCurrency]) -> dict[InCurrency, OpenLegs]:
        """The legs of these parties' payable accounts since their last payout."""
        return {party: self._open_legs(party) for party in parties}

    def _open_legs(self, party: InCurrency) -> OpenLegs:
        legs = [
            (row.entry_id, amount)
            for row, amount in self.legs(chart.payable(party[0]), party[1], self.last_cut(party))
            if row.kind not in _NOT_COVERED
        ]
        return OpenLegs([name for name, _ in legs], sum(amount for _, amount in legs))


class MemoryProposalTransaction(MemoryTransaction, ProposalTransaction):
    """`ProposalTransaction` on books in memory."""

    def time(self) -> TransactionTime:
        """When it happens, and the oldest open period."""
        return self.moment(Reference())

    def check_undecided(self, commands: int) -> None:
        """Nobody decides anything meanwhile."""

    def add_batch(self, batch: StoredBatch, nets: Sequence[BatchNet], payouts: Sequence[StoredPayout]) -> None:
        """Store a batch with its rows."""
        self._state.batches[batch.id] = batch, tuple(nets)
        self._state.payouts |= {payout.id: payout for payout in payouts}

    def record(self, draft: CommandDraft, at: int, result: JsonObject, point: RunPoint) -> None:
        """No commands are kept in memory; the batch is found by its id."""
        del draft, at, result, point
        self._state.commands += 1


class MemoryPayoutStore(MemoryRunStore, PayoutStore):
    """`PayoutStore` on books in memory."""

    def find_batch(self, draft: CommandDraft) -> StoredBatch | None:
        """The batch that this command proposed before."""
        known = self._books.state.batches.get(draft.id)
        return None if known is None else known[0]

    def payout_snapshot(self) -> AbstractContextManager[MemoryPayoutSnapshot]:
        """The books as they are now."""
        return nullcontext(MemoryPayoutSnapshot(self._books.state))

    def proposing(self) -> AbstractContextManager[MemoryProposalTransaction]:
        """One transaction."""
        return self._books.changed_by(MemoryProposalTransaction)
