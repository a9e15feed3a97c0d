"""Events of commerce.orders.v1 for tests of explanations, and records of the topic that hold them."""

import json
from typing import Any, NamedTuple

from schemas import decoding
from schemas.partitioning import partition_of
from schemas.topics import ORDERS
from services.operations.explain.sources import EventRefusal, OrderLogRecord
from services.runtime.deadletters import LogPosition


def paid(order_id: str = "o_1", **changes: Any) -> dict[str, Any]:
    line = {"line_id": "1", "product_id": "p_5", "brand_id": "br_2", "quantity": 1, "goods_paid_minor": 20_000}
    return {
        "event_id": f"{order_id}_paid", "event_type": "order.paid", "occurred_at": "2026-11-01T09:00:00Z",
        "order_id": order_id, "buyer_id": "b_1", "platform": "douyin", "shop_id": "s_1", "currency": "CNY",
        "new_customer": False, "lines": [line], **changes,
    }  # fmt: skip


def refunded(
    event_id: str, refund_id: str, amount: int, at: str = "2026-11-02T10:00:00Z", **changes: Any
) -> dict[str, Any]:
    return {
        "event_id": event_id, "event_type": "order.refunded", "occurred_at": at, "order_id": "o_1", "buyer_id": "b_1",
        "refund_id": refund_id, "lines": [{"line_id": "1", "refund_minor": amount, "quantity": 0}], **changes,
    }  # fmt: skip


def refund_reversed(event_id: str, refund_id: str, at: str = "2026-11-03T10:00:00Z", **changes: Any) -> dict[str, Any]:
    return {
        "event_id": event_id, "event_type": "order.refund_reversed", "occurred_at": at, "order_id": "o_1",
        "buyer_id": "b_1", "refund_id": refund_id, "line_id": "1", **changes,
    }  # fmt: skip


def home(buyer_id: str) -> int:
    """The partition of a buyer."""
    return partition_of(buyer_id.encode(), ORDERS.partitions)


def record(
    event: dict[str, Any], offset: int = 0, refusal: EventRefusal | None = None, partition: int | None = None
) -> OrderLogRecord:
    """A valid event as it stands in its buyer's partition, or in the one that is given."""
    read = decoding.read(ORDERS.name, json.dumps(event).encode())
    place = LogPosition(ORDERS.name, home(read.buyer_id) if partition is None else partition, offset)
    return OrderLogRecord(place, read.event_type, read.event_id, read.buyer_id, read, refusal)


class Source(NamedTuple):
    """A record of the topic as attribution reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def as_source(event: dict[str, Any], offset: int) -> Source:
    """A record that holds an event."""
    return Source(offset, 0, event["buyer_id"].encode(), json.dumps(event).encode())
