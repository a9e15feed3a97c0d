"""Apply a stretch of one log to a partition: what is refused, what is new, and which orders have a new truth."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from services.attribution.apply.ports import Buyers, Changes, Source
from services.attribution.apply.waiting import WaitingRoom
from services.attribution.domain import acceptance
from services.attribution.domain.assertion import Assertion, assertions
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Fact, Payment, Touch
from services.attribution.domain.horizons import ALWAYS, WAITING_PER_PARTITION, Horizons, Watermarks
from services.attribution.domain.policy import Rules
from services.kernel.errors import Refused

PUBLISHED_AT_ONCE = 1000
"""Orders in memory at a time when all of a store are published again; a buyer's are not parted."""
MICROS = 1000
"""Microseconds of a broker timestamp's millisecond."""


class TouchRecord(NamedTuple):
    """A decoded record of the clicks log."""

    source: Source
    buyer_id: str
    touch: Touch


class OrderRecord(NamedTuple):
    """A decoded record of the orders log."""

    source: Source
    buyer_id: str
    order_id: str
    event: Payment | Fact


class Refusal(NamedTuple):
    """A record for the dead-letter topic."""

    source: Source
    reason: str
    detail: str


@dataclass(slots=True)
class Shard:
    """One partition number: its state, and the terms under which it is read.

    Attributes:
        log: generation of the input topics.
        publish_from: orders paid before are not published (see domain.truncation).
    """

    buyers: Buyers
    room: WaitingRoom
    rules: Rules
    horizons: Horizons
    log: int = 0
    marks: Watermarks = field(default_factory=Watermarks)
    publish_from: int = ALWAYS


class Publication(NamedTuple):
    """Orders with a new truth, under the terms by which it is published.

    Attributes:
        orders: those that are published, with their buyers, by (buyer_id, order_id).
        withheld: how many others are not, because lost records could belong to them (see domain.truncation).
    """

    orders: Mapping[tuple[str, str], tuple[Buyer, Order]]
    withheld: int
    rules: Rules
    log: int

    def assertions(self) -> Iterator[Assertion]:
        """The truth of each line, once however often it changed on the way."""
        for (buyer_id, _), (buyer, order) in self.orders.items():
            yield from assertions(buyer_id, buyer, order, self.rules, self.log)


def publication(shard: Shard, orders: Mapping[tuple[str, str], tuple[Buyer, Order]]) -> Publication:
    """What is published of orders that have a new truth."""
    published = orders
    if shard.publish_from != ALWAYS:
        published = {
            at: (buyer, order) for at, (buyer, order) in orders.items() if order.payment.paid_at >= shard.publish_from
        }
    return Publication(published, len(orders) - len(published), shard.rules, shard.log)


def publications(shard: Shard, buyers: Iterable[tuple[str, Buyer]]) -> Iterator[Publication]:
    """What is published when every order of these buyers is published again, a bounded number at a time."""
    orders: dict[tuple[str, str], tuple[Buyer, Order]] = {}
    for buyer_id, buyer in buyers:
        orders.update({(buyer_id, order_id): (buyer, order) for order_id, order in buyer.orders.items()})
        if len(orders) >= PUBLISHED_AT_ONCE:
            yield publication(shard, orders)
            orders = {}
    yield publication(shard, orders)


class Outcome(NamedTuple):
    """What follows from a stretch of records."""

    duplicates: int
    refusals: list[Refusal]
    publication: Publication


@dataclass(slots=True)
class Effects:
    """What a stretch of records has brought about so far."""

    duplicates: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def refuse(self, source: Source, refused: Refused) -> None:
        """Note a bad event."""
        self.refusals.append(Refusal(source, refused.reason, refused.detail))

    def conclude(self, shard: Shard) -> Outcome:
        """Hand the changes to the state; returns what is left to do."""
        shard.buyers.changed(self.changes)
        return Outcome(self.duplicates, self.refusals, publication(shard, self.changes.orders))


def apply_touches(shard: Shard, records: list[TouchRecord]) -> Outcome:
    """Apply records of the clicks log, in its order."""
    effects = Effects()
    buyers = shard.buyers.fetch({record.buyer_id for record in records})
    clicks_at, horizons, changes = shard.marks.clicks, shard.horizons, effects.changes
    for source, buyer_id, touch in records:
        buyer = buyers[buyer_id]
        try:
            touched = acceptance.accept_touch(
                buyer, touch, source.offset, source.timestamp * MICROS, clicks_at, horizons
            )
        except Refused as refused:
            effects.refuse(source, refused)
            continue
        if touched is None:
            effects.duplicates += 1
            continue
        if touch.occurred_at > clicks_at:
            clicks_at = touch.occurred_at
        changes.buyers[buyer_id] = buyer
        changes.touches.append((buyer_id, source.offset, touch))
        for order in touched:
            changes.orders[buyer_id, order.payment.order_id] = (buyer, order)
    shard.marks = Watermarks(clicks_at, shard.marks.orders)
    return effects.conclude(shard)


def apply_orders(shard: Shard, records: list[OrderRecord]) -> Outcome:
    """Apply records of the orders log, in its order; then let those go that waited too long for their order."""
    effects = Effects()
    buyers = shard.buyers.fetch({record.buyer_id for record in records})
    for record in records:
        buyer = buyers[record.buyer_id]
        try:
            if isinstance(record.event, Payment):
                effect = _apply_payment(shard, effects, buyer, record, record.event)
            else:
                effect = _apply_fact(shard, effects, buyer, record, record.event)
        except Refused as refused:
            effects.refuse(record.source, refused)
            continue
        if effect:
            effects.changes.buyers[record.buyer_id] = buyer
        else:
            effects.duplicates += 1
    _expire(shard, effects)
    return effects.conclude(shard)


def _apply_payment(shard: Shard, effects: Effects, buyer: Buyer, record: OrderRecord, payment: Payment) -> bool:
    """Make an order known, and let in what waited for it; False for a duplicate."""
    source = record.source
    order = acceptance.accept_payment(
        buyer, payment, source.offset, source.timestamp * MICROS, shard.marks.orders, shard.horizons
    )
    if order is None:
        return False
    _advance(shard, payment.paid_at)
    effects.changes.orders[record.buyer_id, record.order_id] = (buyer, order)
    if record.order_id in buyer.waiting:
        _join(shard, effects, buyer, order, record)
    return True


def _join(shard: Shard, effects: Effects, buyer: Buyer, order: Order, record: OrderRecord) -> None:
    """Let in what waited for an order; what waited too long is left to expire."""
    joining = acceptance.still_waiting(buyer, record.order_id, shard.marks.orders, shard.horizons)
    for offset, fact in joining:
        held = shard.room.leave((fact.occurred_at, offset))
        try:
            acceptance.add_fact(order, fact, offset)
        except Refused as refused:
            effects.refuse(held, refused)
        else:
            _advance(shard, fact.occurred_at)
    _stop_waiting(effects, record.buyer_id, buyer, record.order_id, {offset for offset, _ in joining})


def _apply_fact(shard: Shard, effects: Effects, buyer: Buyer, record: OrderRecord, fact: Fact) -> bool:
    """Add an event to its order, or let it wait; False for a duplicate."""
    source = record.source
    _make_room(shard, effects)
    effect = acceptance.accept_fact(
        buyer,
        record.order_id,
        fact,
        source.offset,
        source.timestamp * MICROS,
        shard.marks.orders,
        shard.horizons,
        has_room=not _is_full(shard.room),
    )
    if isinstance(effect, Order):
        _advance(shard, fact.occurred_at)
        effects.changes.orders[record.buyer_id, record.order_id] = (buyer, effect)
    elif effect:
        effects.changes.waiting[record.buyer_id] = buyer
        shard.room.hold(record.buyer_id, record.order_id, fact.occurred_at, source)
    return bool(effect)


def _make_room(shard: Shard, effects: Effects) -> None:
    """Let those go that have waited too long, if no other event may wait before they do."""
    if _is_full(shard.room):
        _expire(shard, effects)


def _is_full(room: WaitingRoom) -> bool:
    """Whether no more events of unknown orders may wait."""
    return len(room.held) >= WAITING_PER_PARTITION


def _advance(shard: Shard, occurred_at: int) -> None:
    """An accepted event of the orders log moves its watermark; a waiting one does so when its order comes."""
    if occurred_at > shard.marks.orders:
        shard.marks = Watermarks(shard.marks.clicks, occurred_at)


def _expire(shard: Shard, effects: Effects) -> None:
    """Refuse what waited longer than an order may come late."""
    expired = shard.room.expired(shard.marks.orders - shard.horizons.order_lateness)
    buyers = shard.buyers.fetch({held.buyer_id for held in expired})
    for held in expired:
        _stop_waiting(effects, held.buyer_id, buyers[held.buyer_id], held.order_id, {held.offset})
        effects.refuse(held, Refused("unknown_order", f"no order.paid came for order {held.order_id}"))


def _stop_waiting(effects: Effects, buyer_id: str, buyer: Buyer, order_id: str, offsets: set[int]) -> None:
    """Remove these facts from the buyer's waiting ones."""
    effects.changes.buyers[buyer_id] = effects.changes.waiting[buyer_id] = buyer
    left = [entry for entry in buyer.waiting.get(order_id, ()) if entry[0] not in offsets]
    if left:
        buyer.waiting[order_id] = left
    else:
        buyer.waiting.pop(order_id, None)
