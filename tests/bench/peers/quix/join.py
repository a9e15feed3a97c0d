"""The join as a stateful function: an event and its buyer's row in, the order lines it can have changed out.

A row keeps its entries as undecoded bytes behind their time and id: a click is added to a buyer's touches without
reading the others.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec.structs import astuple

from tests.bench.peers.quix.events import (
    Assertion,
    Considered,
    Credit,
    Line,
    Order,
    OrderEvent,
    Step,
    Touch,
    TouchEvent,
    Version,
)
from tests.bench.peers.quix.rule import CANDIDATE_WINDOW, judge

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAX_CONSIDERED = 100
_CONSTANT_HEADERS = [("ce_specversion", b"1.0"), ("ce_type", b"attribution.credits.v1"), ("ce_source", b"/koc/attribution")]  # fmt: skip  # noqa: E501


class State(Protocol):
    """What Quix gives a stateful function: the values of the message's key."""

    def get_bytes(self, key: str) -> bytes | None:
        """The value, None where there is none."""

    def set_bytes(self, key: str, value: bytes) -> None:
        """Keep a value."""


class Entry(NamedTuple):
    """A touch or an order, undecoded behind what it is looked up by."""

    at: int
    id: str
    body: msgspec.Raw


class Row(NamedTuple):
    """A buyer."""

    touches: list[Entry]
    orders: list[Entry]


class Published(NamedTuple):
    """A record of the credits topic."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


_read_touch = msgspec.json.Decoder(TouchEvent).decode
_read_order = msgspec.json.Decoder(OrderEvent).decode
_unpack_row: Callable[[bytes], Row] = msgspec.msgpack.Decoder(Row).decode
_unpack_touch = msgspec.msgpack.Decoder(Touch).decode
_unpack_order = msgspec.msgpack.Decoder(Order).decode
_pack = msgspec.msgpack.Encoder().encode
_write = msgspec.json.Encoder().encode
_ROW = "buyer"


@lru_cache(maxsize=65_536)
def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


def take_touch(value: bytes, state: State, partition: int, offset: int) -> list[Published]:
    """A record of the clicks topic."""
    event = _read_touch(value)
    touch = Touch(*astuple(event), at=_micros(event.occurred_at), offset=offset)  # type: ignore[misc]  # mypy takes the tuple for endless
    packed = state.get_bytes(_ROW)
    row = _unpack_row(packed) if packed else Row([], [])
    if any(at == touch.at and known == touch.event_id for at, known, _ in row.touches):
        return []
    row.touches.append(Entry(touch.at, touch.event_id, msgspec.Raw(_pack(touch))))
    state.set_bytes(_ROW, _pack(row))
    until = touch.at + CANDIDATE_WINDOW
    touched = [body for at, _, body in row.orders if touch.at <= at <= until]
    return [record for body in touched for record in _truth(row, _unpack_order(body), partition)]


def take_order(value: bytes, state: State, partition: int, offset: int) -> list[Published]:
    """A record of the orders topic."""
    event = _read_order(value)
    order = Order(*astuple(event), at=_micros(event.occurred_at), next_offset=offset + 1)  # type: ignore[misc]
    order.lines = [Line(*astuple(line)) for line in event.lines]
    packed = state.get_bytes(_ROW)
    row = _unpack_row(packed) if packed else Row([], [])
    if any(known == order.order_id for _, known, _ in row.orders):
        return []
    row.orders.append(Entry(order.at, order.order_id, msgspec.Raw(_pack(order))))
    state.set_bytes(_ROW, _pack(row))
    return list(_truth(row, order, partition))


def _truth(row: Row, order: Order, partition: int) -> Iterator[Published]:
    """The whole current truth of an order's lines; nothing while there is no candidate."""
    since = order.at - CANDIDATE_WINDOW
    candidates = [_unpack_touch(body) for at, _, body in row.touches if since <= at <= order.at]
    if not candidates:
        return
    version = Version(0, 1, candidates[-1].offset + 1, order.next_offset)
    candidates.sort(key=lambda touch: (-touch.at, touch.event_id))
    for line in order.lines:
        key = f"{order.order_id}/{line.line_id}"
        ce_id = f"{key}/{order.buyer_id}@0.1.{version.touch}.{version.order}"
        headers = [*_CONSTANT_HEADERS, ("ce_id", ce_id.encode()), ("ce_time", order.occurred_at.encode())]
        yield Published(key.encode(), _write(_assertion(order, line, candidates, version, partition)), headers)


def _assertion(order: Order, line: Line, candidates: list[Touch], version: Version, partition: int) -> Assertion:
    credited, verdicts = judge(order, line, candidates)
    return Assertion(
        **_facts(order, line),
        credits=[] if credited is None else [_credit(candidates[credited])],
        considered=[
            Considered(touch.event_id, touch.content_id, touch.koc_id, touch.occurred_at, verdict)
            for touch, verdict in zip(candidates[:_MAX_CONSIDERED], verdicts, strict=False)
        ],
        version=version,
        source_partition=partition,
    )


def _credit(touch: Touch) -> Credit:
    return Credit(
        touch.content_id,
        touch.koc_id,
        touch.campaign_id,
        touch.traffic,
        touch.event_id,
        touch.occurred_at,
        1_000_000,
    )


def _facts(order: Order, line: Line) -> dict[str, Any]:
    return {
        "order_id": order.order_id, "line_id": line.line_id, "buyer_id": order.buyer_id, "platform": order.platform,
        "shop_id": order.shop_id, "brand_id": line.brand_id, "product_id": line.product_id, "sku_id": line.sku_id,
        "category_id": line.category_id, "currency": order.currency, "quantity": line.quantity,
        "new_customer": order.new_customer, "goods_paid_minor": line.goods_paid_minor,
        "platform_discount_minor": line.platform_discount_minor, "shop_discount_minor": line.shop_discount_minor,
        "refunded_minor": 0, "status": "paid", "paid_at": order.occurred_at, "received_at": None,
        "completed_at": None, "as_of": order.occurred_at,
        "steps": [Step(order.event_id, order.occurred_at, 0, cancelled=False)], "policy": "last_click",
    }  # fmt: skip
