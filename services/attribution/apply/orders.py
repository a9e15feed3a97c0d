"""Apply a chunk of the orders log: payments, later events of orders, and events that wait for their order."""

from services.attribution.apply.outcome import ChunkOutcome, Effects
from services.attribution.apply.records import MICROS, OrderRecord
from services.attribution.apply.shard import Shard
from services.attribution.apply.waiting import WaitingRoom
from services.attribution.domain import acceptance
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Fact, Payment
from services.attribution.domain.horizons import WAITING_PER_PARTITION, Watermarks
from services.kernel.errors import Refused


def apply_orders(shard: Shard, records: list[OrderRecord]) -> ChunkOutcome:
    """Apply records of the orders log, in its order; then refuse events that have waited too long for their order."""
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
    """Make an order known, and add the events that waited for it. Returns False for a duplicate."""
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
    """Add the events that waited for an order; events that have waited too long are left to expire."""
    joining = acceptance.waiting_facts(buyer, record.order_id, shard.marks.orders, shard.horizons)
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
    """Add an event to its order, or let it wait. Returns False for a duplicate."""
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
    """Refuse events that have waited too long, if no other event may wait before they leave."""
    if _is_full(shard.room):
        _expire(shard, effects)


def _is_full(room: WaitingRoom) -> bool:
    """Whether no further event of an unknown order may wait."""
    return len(room.held) >= WAITING_PER_PARTITION


def _advance(shard: Shard, occurred_at: int) -> None:
    """Move the watermark of the orders log for an accepted event; a waiting event moves it when its order comes."""
    if occurred_at > shard.marks.orders:
        shard.marks = Watermarks(shard.marks.clicks, occurred_at)


def _expire(shard: Shard, effects: Effects) -> None:
    """Refuse events that have waited longer than an order may be late."""
    expired = shard.room.expire(shard.marks.orders - shard.horizons.order_lateness)
    buyers = shard.buyers.fetch({held.buyer_id for held in expired})
    for held in expired:
        _stop_waiting(effects, held.buyer_id, buyers[held.buyer_id], held.order_id, {held.offset})
        effects.refuse(held, Refused("unknown_order", f"no order.paid came for order {held.order_id}"))


def _stop_waiting(effects: Effects, buyer_id: str, buyer: Buyer, order_id: str, offsets: set[int]) -> None:
    """Remove the facts at these offsets from the buyer's waiting ones."""
    effects.changes.buyers[buyer_id] = effects.changes.waiting[buyer_id] = buyer
    left = [entry for entry in buyer.waiting.get(order_id, ()) if entry[0] not in offsets]
    if left:
        buyer.waiting[order_id] = left
    else:
        buyer.waiting.pop(order_id, None)
