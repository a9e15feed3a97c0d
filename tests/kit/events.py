"""Clicks and orders as a backend publishes them: everything has a default, a test names what it is about."""

import json
from collections.abc import Iterable
from typing import Any

from schemas.topics import BUYER_PARTITIONS
from services.kernel.time import DAY, HOUR, format_rfc3339
from services.runtime.kafka import partition_of
from services.runtime.publishing import Header, Outgoing, publish

START = 20_758 * DAY
"""2026-11-01T00:00:00Z."""


def at(hours: float) -> str:
    """A time so many hours after START."""
    return format_rfc3339(START + int(hours * HOUR))


def buyer_in(partition: int, name: str) -> str:
    """A buyer whose key belongs to a partition."""
    return next(b for i in range(10_000) if partition_of((b := f"{name}_{i}").encode(), BUYER_PARTITIONS) == partition)


def click(buyer: str, event_id: str, hours: float, **other: Any) -> dict[str, Any]:
    """A click on product p_1 of shop s_1."""
    return {
        "event_id": event_id, "event_type": "click", "occurred_at": at(hours), "platform": "douyin", "buyer_id": buyer,
        "koc_id": "k_1", "content_id": "v_1", "content_type": "video", "product_id": "p_1", "shop_id": "s_1",
        "brand_id": "br_1", "campaign_id": None, "traffic": "natural", **other,
    }  # fmt: skip


def paid(buyer: str, order_id: str, hours: float, **other: Any) -> dict[str, Any]:
    """An order of one line, p_1 for 200.00."""
    return {
        "event_id": f"{order_id}_paid", "event_type": "order.paid", "occurred_at": at(hours), "order_id": order_id,
        "buyer_id": buyer, "platform": "douyin", "shop_id": "s_1", "currency": "CNY",
        "lines": [{"line_id": "1", "product_id": "p_1", "brand_id": "br_1", "quantity": 1, "goods_paid_minor": 20000}],
        **other,
    }  # fmt: skip


def refunded(buyer: str, order_id: str, hours: float, line_id: str = "1", **other: Any) -> dict[str, Any]:
    """A refund of 50.00."""
    return {
        "event_id": f"{order_id}_ref", "event_type": "order.refunded", "occurred_at": at(hours), "order_id": order_id,
        "buyer_id": buyer, "refund_id": "rf", "lines": [{"line_id": line_id, "refund_minor": 5000, "quantity": 0}],
        **other,
    }  # fmt: skip


def send_events(
    topic: str,
    events: Iterable[dict[str, Any] | bytes],
    buyer: str = "",
    partition: int | None = None,
    headers: tuple[Header, ...] = (),
) -> None:
    """Publish events, each under its own buyer's key.

    Args:
        topic: clicks or orders.
        events: bytes are sent as they are.
        buyer: the key of events that name none.
        partition: the key's partition without.
        headers: of each.
    """
    publish(_record(topic, event, buyer, partition, headers) for event in events)


def _record(
    topic: str, event: dict[str, Any] | bytes, buyer: str, partition: int | None, headers: tuple[Header, ...]
) -> Outgoing:
    if isinstance(event, bytes):
        return Outgoing(topic, buyer.encode(), event, partition, headers)
    return Outgoing(topic, str(event.get("buyer_id", buyer)).encode(), json.dumps(event).encode(), partition, headers)
