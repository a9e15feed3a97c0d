"""Clicks and orders from the wire, decoded with msgspec: the hot path.

The fast decoder is closed: it knows the fields of the contract and no others. The public model (schemas) decides on
all bytes that the fast decoder does not accept, so that both accept and reject the same bytes. An event with unknown
fields is therefore read all the same, only slower, and counted. Times become integer microseconds.
"""

import re
from sys import intern
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from schemas import decoding
from schemas.currencies import CURRENCIES
from schemas.fields import MAX_AMOUNT_MINOR, MAX_EVENT_BYTES, MAX_LINES, MAX_QUANTITY, MAX_REASON_LENGTH, TEXT_PATTERN
from schemas.topics import CLICKS, ORDERS
from services.attribution.domain.facts import Touch
from services.attribution.events.identifiers import Identifier, check_identifiers, has_only_identifiers, platform
from services.kernel.errors import Refused
from services.runtime import metrics
from services.runtime.wire import UNDECODABLE, Moment, moment, read_moment

AmountMinor = Annotated[int, Meta(ge=0, le=MAX_AMOUNT_MINOR)]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Traffic = Literal["natural", "boosted", "paid"]


class _Wire(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The base of all wire structs: closed and immutable."""


class Click(_Wire, frozen=True, gc=False):
    """commerce.clicks.v1, as far as the decoder checks fields itself; `_touch` checks the rest."""

    event_id: Identifier
    event_type: Literal["click", "view", "code"]
    occurred_at: str
    platform: str
    buyer_id: Identifier
    koc_id: Identifier
    content_id: Identifier
    content_type: Literal["video", "live", "note", "shop_window", "link"]
    product_id: Identifier
    shop_id: Identifier
    brand_id: Identifier
    traffic: Traffic
    campaign_id: Identifier | None = None


def _touch(click: Click) -> tuple[str, Touch]:
    """The buyer and the touch of a click.

    Identifiers that many touches share are interned: the state takes a third of the memory and of the cache misses.

    Raises:
        ValueError: the platform or the time is invalid.
    """
    campaign_id = click.campaign_id
    touch = (
        click.event_id,
        click.event_type,
        moment(click.occurred_at),
        platform(click.platform),
        intern(click.koc_id),
        intern(click.content_id),
        click.content_type,
        intern(click.product_id),
        intern(click.shop_id),
        intern(click.brand_id),
        campaign_id if campaign_id is None else intern(campaign_id),
        click.traffic,
    )
    return click.buyer_id, _new(Touch, touch)


class _OrderEvent(_Wire, frozen=True, gc=False, tag_field="event_type", kw_only=True):
    """The fields that all order events share."""

    event_id: Identifier
    occurred_at: Moment
    order_id: Identifier
    buyer_id: Identifier


class WireDeclaration(_Wire, frozen=True, gc=False):
    """The platform's own attribution."""

    content_id: Identifier
    koc_id: Identifier
    traffic: Traffic
    campaign_id: Identifier | None = None


class OrderLine(_Wire, frozen=True, gc=False):
    """A line of an order.paid event."""

    line_id: Identifier
    product_id: Identifier
    brand_id: Identifier
    quantity: Quantity
    goods_paid_minor: AmountMinor
    sku_id: Identifier | None = None
    category_id: Identifier | None = None
    platform_discount_minor: AmountMinor = 0
    shop_discount_minor: AmountMinor = 0
    tax_minor: AmountMinor = 0
    shipping_minor: AmountMinor = 0


class OrderPaid(_OrderEvent, frozen=True, gc=False, tag="order.paid", kw_only=True):
    """order.paid."""

    platform: str
    shop_id: Identifier
    currency: str
    lines: Annotated[tuple[OrderLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    new_customer: bool = False
    declared: WireDeclaration | None = None

    def __post_init__(self) -> None:
        platform(self.platform)
        if self.currency not in CURRENCIES:
            raise ValueError("not a currency")
        if len(self.lines) > 1:
            _check_different([line.line_id for line in self.lines])


def _check_different(line_ids: list[str]) -> None:
    if len(set(line_ids)) != len(line_ids):
        raise ValueError("two lines have the same line_id")


LineIds = Annotated[tuple[Identifier, ...], Meta(min_length=1, max_length=MAX_LINES)]


class OrderReceived(_OrderEvent, frozen=True, gc=False, tag="order.received", kw_only=True):
    """order.received."""

    line_ids: LineIds | None = None


_TEXT = re.compile(TEXT_PATTERN.removesuffix("$"))


class OrderCancelled(_OrderEvent, frozen=True, gc=False, tag="order.cancelled", kw_only=True):
    """order.cancelled."""

    line_ids: LineIds | None = None
    reason: Annotated[str, Meta(max_length=MAX_REASON_LENGTH)] | None = None

    def __post_init__(self) -> None:
        if self.reason is not None and _TEXT.fullmatch(self.reason) is None:
            raise ValueError("control characters in the reason")


class OrderCompleted(_OrderEvent, frozen=True, gc=False, tag="order.completed", kw_only=True):
    """order.completed."""


class RefundLine(_Wire, frozen=True, gc=False):
    """The refund of one line."""

    line_id: Identifier
    refund_minor: AmountMinor
    quantity: Annotated[int, Meta(ge=0, le=MAX_QUANTITY)] = 0


class OrderRefunded(_OrderEvent, frozen=True, gc=False, tag="order.refunded", kw_only=True):
    """order.refunded."""

    refund_id: Identifier
    lines: Annotated[tuple[RefundLine, ...], Meta(min_length=1, max_length=MAX_LINES)]

    def __post_init__(self) -> None:
        _check_different([line.line_id for line in self.lines])


class OrderRefundReversed(_OrderEvent, frozen=True, gc=False, tag="order.refund_reversed", kw_only=True):
    """order.refund_reversed."""

    refund_id: Identifier
    line_id: Identifier


OrderEvent = OrderPaid | OrderReceived | OrderCancelled | OrderCompleted | OrderRefunded | OrderRefundReversed

_decode_click = msgspec.json.Decoder(Click).decode
_new = tuple.__new__  # Touch(...) would go through a lambda: twice the time
_ORDER: msgspec.json.Decoder[OrderEvent] = msgspec.json.Decoder(OrderEvent, dec_hook=read_moment)


def read_click(raw: bytes | None) -> tuple[str, Touch]:
    """The buyer and the touch of a record of commerce.clicks.v1.

    Raises:
        Refused: the bytes are no such event.
    """
    try:
        if raw is not None and len(raw) <= MAX_EVENT_BYTES:
            click = _decode_click(raw)
            if not has_only_identifiers(raw):
                check_identifiers(click)
            return _touch(click)
    except (*UNDECODABLE, ValueError):
        pass
    return _touch(_by_public_model(CLICKS.name, raw, Click))


def decode_order(raw: bytes | None) -> OrderEvent:
    """The event of a record of commerce.orders.v1.

    Raises:
        Refused: the bytes are no such event.
    """
    try:
        if raw is not None and len(raw) <= MAX_EVENT_BYTES:
            event = _ORDER.decode(raw)
            if not has_only_identifiers(raw):
                check_identifiers(event, "reason")
            return event
    except (*UNDECODABLE, ValueError):
        pass
    judged: OrderEvent = _by_public_model(ORDERS.name, raw, OrderEvent)
    return judged


def _by_public_model(topic: str, raw: bytes | None, kind: Any) -> Any:
    """The event, if the public model accepts bytes that the fast decoder did not: then it has unknown fields."""
    try:
        model = decoding.read(topic, raw)
    except decoding.InvalidEvent as invalid:
        raise Refused(invalid.reason, invalid.detail) from None
    metrics.attribution().unknown_fields.labels(topic).inc()
    return msgspec.convert(model.model_dump(mode="json"), kind, dec_hook=read_moment)
