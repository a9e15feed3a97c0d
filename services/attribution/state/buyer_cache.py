"""Buyers in memory, and the row changes that the next checkpoint writes."""

from collections.abc import Iterable, Mapping

from services.attribution.apply.ports import Changes
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.forgetting import ForgottenParts, Retention, forget
from services.attribution.state.buyer_rows import (
    RowChanges,
    buyer_key,
    buyer_row,
    deletions,
    order_key,
    order_row,
    parts_of,
    read_buyers,
    touch_key,
    touch_row,
)
from services.attribution.state.keyvalue import KeyValue

MAX_CACHED = 20_000
"""Buyers of one partition in memory between checkpoints; above this number the unchanged ones are dropped."""


class BuyerCache:
    """The buyers of one partition that recently had events.

    Attributes:
        buyers: all buyers in memory, by id.
        dirty: buyers that have changed since the last checkpoint was taken.
    """

    def __init__(self, database: KeyValue) -> None:
        self.buyers: dict[str, Buyer] = {}
        self.dirty: dict[str, Buyer] = {}
        self._database = database
        self._new: dict[str, Buyer] = {}
        self._own: dict[str, Buyer] = {}
        self._orders: dict[tuple[str, str], tuple[Buyer, Order]] = {}
        self._touches: RowChanges = {}

    def fetch(self, buyer_ids: Iterable[str]) -> Mapping[str, Buyer]:
        """A mapping with at least these buyers; an unknown one is a new, empty buyer."""
        hot = self.buyers
        if missing := [buyer_id for buyer_id in buyer_ids if buyer_id not in hot]:
            rows = self._database.get_many([buyer_key(buyer_id) for buyer_id in missing])
            for buyer_id, own in zip(missing, rows, strict=True):
                hot[buyer_id] = self._new_buyer(buyer_id) if own is None else self._read_buyer(buyer_id, own)
        return hot

    def _new_buyer(self, buyer_id: str) -> Buyer:
        buyer = self._new[buyer_id] = Buyer()
        return buyer

    def _read_buyer(self, buyer_id: str, own: bytes) -> Buyer:
        parts = self._database.scan(parts_of(buyer_id))
        [(_, buyer)] = read_buyers([(buyer_key(buyer_id), own), *parts])
        return buyer

    def note(self, changes: Changes) -> None:
        """Note changes to buyers. Touches are encoded at once, while the processor still has them in its cache."""
        rows, key, row = self._touches, touch_key, touch_row
        for buyer_id, offset, touch in changes.touches:
            rows[key(buyer_id, offset)] = row(touch)
        self.dirty |= changes.buyers
        self._orders |= changes.orders
        self._own |= changes.waiting
        for buyer_id in self._new.keys() & changes.buyers.keys():
            self._own[buyer_id] = self._new.pop(buyer_id)

    def take(self, since: Retention) -> RowChanges:
        """Take the row changes since the last call; stale parts of the changed buyers are forgotten."""
        rows, self._touches = self._touches, {}
        for buyer_id, buyer in self.dirty.items():
            if forgotten := forget(buyer, since):
                rows |= self.put(buyer_id, buyer, forgotten)
        for (buyer_id, order_id), (buyer, order) in self._orders.items():
            if buyer.orders.get(order_id) is order:
                rows[order_key(buyer_id, order_id)] = order_row(order)
        for buyer_id, buyer in self._own.items():
            rows |= self._own_row(buyer_id, buyer)
        self.dirty, self._orders, self._own = {}, {}, {}
        return rows

    def put(self, buyer_id: str, buyer: Buyer, forgotten: ForgottenParts) -> RowChanges:
        """Cache a trimmed buyer and return the row changes that follow."""
        self.buyers[buyer_id] = buyer
        return deletions(buyer_id, forgotten) | (self._own_row(buyer_id, buyer) if buyer.is_empty() else {})

    def _own_row(self, buyer_id: str, buyer: Buyer) -> RowChanges:
        row = buyer_row(buyer)
        if row is None:
            self._new[buyer_id] = buyer
        return {buyer_key(buyer_id): row}

    def make_room(self) -> None:
        """Drop unchanged buyers if there are too many; taken row changes must have been written."""
        if len(self.buyers) > MAX_CACHED:
            self.buyers = dict(self.dirty)
            self._new = {}
