"""Apply a chunk of the clicks log: the state keeps touches, and orders gain candidates."""

from services.attribution.apply.outcome import ChunkOutcome, Effects
from services.attribution.apply.records import MICROS, TouchRecord
from services.attribution.apply.shard import Shard
from services.attribution.domain import acceptance
from services.attribution.domain.horizons import Watermarks
from services.kernel.errors import Refused


def apply_touches(shard: Shard, records: list[TouchRecord]) -> ChunkOutcome:
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
