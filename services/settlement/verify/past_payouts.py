"""Payouts as they stood at an earlier point: which counted, and whose money had come back and was held."""

from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.topics import CREDITS
from services.settlement.books.net_ports import InCurrency, RunPoint
from services.settlement.books.payout_ports import StoredPayout
from services.settlement.books.payout_records_port import PayoutRecords
from services.settlement.domain.paying.entry_sets import Cut

_WRITER_N = CREDITS.partitions


class PastPayouts:
    """What a net at this point knew of payouts.

    Args:
        records: of payouts.
        point: of the net.
    """

    def __init__(self, records: PayoutRecords, point: RunPoint) -> None:
        self._point = point
        self._decisions = records.decisions()
        self._payees: Mapping[str, Sequence[int]] = records.payee_positions()
        cuts = {batch.id: batch.cut for batch in records.batches()}
        self._payouts = [one for one in records.payouts() if one.batch in cuts and self._was_there(cuts[one.batch])]
        self._cuts: dict[InCurrency, Cut] = {}
        self._kept: dict[InCurrency, Sequence[str]] = {}
        for one in sorted(self._payouts, key=lambda one: cuts[one.batch][_WRITER_N]):
            if not self._is_decided(self._decisions.cancelled, one.id):
                key = one.plan.party, one.plan.currency
                self._cuts[key], self._kept[key] = cuts[one.batch], one.kept

    def _was_there(self, cut: Cut) -> bool:
        return cut[_WRITER_N] < self._point.seqs[_WRITER_N]

    def _is_decided(self, numbers: Mapping[str, int], payout: str) -> bool:
        """Whether a decision of this kind had been made by then."""
        return numbers.get(payout, self._point.commands + 1) <= self._point.commands

    def is_since(self, party: InCurrency, writer: int, seq: int) -> bool:
        """Whether an entry came after the party's last payout."""
        cut = self._cuts.get(party)
        return cut is None or seq > cut[writer]

    def left_held(self, party: InCurrency) -> Sequence[str]:
        """Lines that the party's last payout left held."""
        return self._kept.get(party, ())

    def held(self, came_back: Mapping[str, int]) -> Counter[InCurrency]:
        """What was held of payouts that had come back.

        Args:
            came_back: by payout, writer N's number of the entry that brought it back.
        """
        sums: Counter[InCurrency] = Counter()
        for one in self._payouts:
            seq = came_back.get(one.id)
            if seq is not None and seq <= self._point.seqs[_WRITER_N] and not self._is_let_go(one):
                sums[one.plan.party, one.plan.currency] += one.plan.amount_minor
        return sums

    def _is_let_go(self, payout: StoredPayout) -> bool:
        """Whether it was released, or its party had said since where it is paid."""
        if self._is_decided(self._decisions.released, payout.id):
            return True
        since = payout.refused_at or 0
        return any(since <= position < self._point.registry for position in self._payees.get(payout.plan.party, ()))
