"""Apply a stretch of one log to a partition: what is refused, what is new, and which orders have a new truth."""

from collections.abc import Iterator
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


@dataclass(slots=True)
class Outcome:
    """What follows from a stretch of records."""

    duplicates: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def assertions(self, shard: Shard) -> Iterator[Assertion]:
        """The truth to publish, once for each line however often it changed on the way."""
        for (buyer_id, _), (buyer, order) in self.changes.orders.items():
            if order.payment.paid_at >= shard.publish_from:
                yield from assertions(buyer_id, buyer, order, shard.rules, shard.log)

    def withheld(self, shard: Shard) -> int:
        """How many orders have a new truth that is not published."""
        if shard.publish_from == ALWAYS:
            return 0
        return sum(order.payment.paid_at < shard.publish_from for _, order in self.changes.orders.values())

    def refuse(self, source: Source, refused: Refused) -> None:
        """Note a bad event."""
        self.refusals.append(Refusal(source, refused.reason, refused.detail))


def apply_touches(shard: Shard, records: list[TouchRecord]) -> Outcome:
    """Apply records of the clicks log, in its order."""
    outcome = Outcome()
    buyers = shard.buyers.fetch({record.buyer_id for record in records})
    clicks_at, horizons, changes = shard.marks.clicks, shard.horizons, outcome.changes
    for source, buyer_id, touch in records:
        buyer = buyers[buyer_id]
        try:
            touched = acceptance.accept_touch(
                buyer, touch, source.offset, source.timestamp * MICROS, clicks_at, horizons
            )
        except Refused as refused:
            outcome.refuse(source, refused)
            continue
        if touched is None:
            outcome.duplicates += 1
            continue
        if touch.occurred_at > clicks_at:
            clicks_at = touch.occurred_at
        changes.buyers[buyer_id] = buyer
        changes.touches.append((buyer_id, source.offset, touch))
        for order in touched:
            changes.orders[buyer_id, order.payment.order_id] = (buyer, order)
    shard.marks = Watermarks(clicks_at, shard.marks.orders)
    shard.buyers.changed(changes)
    return outcome


def apply_orders(shard: Shard, records: list[OrderRecord]) -> Outcome:
    """Apply records of the orders log, in its order; then let those go that waited too long for their order."""
    outcome = Outcome()
    buyers = shard.buyers.fetch({record.buyer_id for record in records})
    for record in records:
        buyer = buyers[record.buyer_id]
        try:
            if isinstance(record.event, Payment):
                effect = _apply_payment(shard, outcome, buyer, record, record.event)
            else:
                effect = _apply_fact(shard, outcome, buyer, record, record.event)
        except Refused as refused:
            outcome.refuse(record.source, refused)
            continue
        if effect:
            outcome.changes.buyers[record.buyer_id] = buyer
        else:
            outcome.duplicates += 1
    _expire(shard, outcome)
    shard.buyers.changed(outcome.changes)
    return outcome


def _apply_payment(shard: Shard, outcome: Outcome, buyer: Buyer, record: OrderRecord, payment: Payment) -> bool:
    """Make an order known, and let in what waited for it; False for a duplicate."""
    source = record.source
    order = acceptance.accept_payment(
        buyer, payment, source.offset, source.timestamp * MICROS, shard.marks.orders, shard.horizons
    )
    if order is None:
        return False
    _advance(shard, payment.paid_at)
    outcome.changes.orders[record.buyer_id, record.order_id] = (buyer, order)
    if record.order_id in buyer.waiting:
        _join(shard, outcome, buyer, order, record)
    return True


def _join(shard: Shard, outcome: Outcome, buyer: Buyer, order: Order, record: OrderRecord) -> None:
    """Let in what waited for an order; what waited too long is left to expire."""
    joining = acceptance.still_waiting(buyer, record.order_id, shard.marks.orders, shard.horizons)
    for offset, fact in joining:
        held = shard.room.leave((fact.occurred_at, offset))
        try:
            acceptance.add_fact(order, fact, offset)
        except Refused as refused:
            outcome.refuse(held, refused)
        else:
            _advance(shard, fact.occurred_at)
    _stop_waiting(outcome, record.buyer_id, buyer, record.order_id, {offset for offset, _ in joining})


def _apply_fact(shard: Shard, outcome: Outcome, buyer: Buyer, record: OrderRecord, fact: Fact) -> bool:
    """Add an event to its order, or let it wait; False for a duplicate."""
    source = record.source
    effect = acceptance.accept_fact(
        buyer,
        record.order_id,
        fact,
        source.offset,
        source.timestamp * MICROS,
        shard.marks.orders,
        shard.horizons,
        has_room=_has_room(shard, outcome),
    )
    if isinstance(effect, Order):
        _advance(shard, fact.occurred_at)
        outcome.changes.orders[record.buyer_id, record.order_id] = (buyer, effect)
    elif effect:
        outcome.changes.waiting[record.buyer_id] = buyer
        shard.room.hold(record.buyer_id, record.order_id, fact.occurred_at, source)
    return bool(effect)


def _has_room(shard: Shard, outcome: Outcome) -> bool:
    """Whether one more event of an unknown order may wait, once those have left that waited too long."""
    if len(shard.room.held) >= WAITING_PER_PARTITION:
        _expire(shard, outcome)
    return len(shard.room.held) < WAITING_PER_PARTITION


def _advance(shard: Shard, occurred_at: int) -> None:
    """An accepted event of the orders log moves its watermark; a waiting one does so when its order comes."""
    if occurred_at > shard.marks.orders:
        shard.marks = Watermarks(shard.marks.clicks, occurred_at)


def _expire(shard: Shard, outcome: Outcome) -> None:
    """Refuse what waited longer than an order may come late."""
    expired = shard.room.expired(shard.marks.orders - shard.horizons.order_lateness)
    buyers = shard.buyers.fetch({held.buyer_id for held in expired})
    for held in expired:
        _stop_waiting(outcome, held.buyer_id, buyers[held.buyer_id], held.order_id, {held.offset})
        outcome.refuse(held, Refused("unknown_order", f"no order.paid came for order {held.order_id}"))


def _stop_waiting(outcome: Outcome, buyer_id: str, buyer: Buyer, order_id: str, offsets: set[int]) -> None:
    """Remove these facts from the buyer's waiting ones."""
    outcome.changes.buyers[buyer_id] = outcome.changes.waiting[buyer_id] = buyer
    left = [entry for entry in buyer.waiting.get(order_id, ()) if entry[0] not in offsets]
    if left:
        buyer.waiting[order_id] = left
    else:
        buyer.waiting.pop(order_id, None)
