"""Clicks and orders as they come over the wire, decoded with msgspec: the hot path.

The fast decoder is closed: it knows the fields of the contract and no others. Whatever it does not accept is put
before the public model (schemas), which has the last word: so both accept and reject the same bytes, and an event with
unknown fields is read all the same, only slower, and counted. Times become integer microseconds.
"""

import re
from sys import intern
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from schemas import decoding
from schemas.fields import MAX_AMOUNT_MINOR, MAX_EVENT_BYTES, MAX_LINES, MAX_QUANTITY, MAX_REASON_LENGTH, TEXT_PATTERN
from schemas.topics import CLICKS, ORDERS
from services.attribution.domain.facts import Touch
from services.kernel.errors import Refused
from services.runtime import metrics
from services.runtime.wire import UNDECODABLE, Moment, moment, read_moment

Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT_MINOR)]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Traffic = Literal["natural", "boosted", "paid"]

_ID = r"[A-Za-z0-9._~=+@:-]{1,128}"
_WORD = r"[a-z][a-z0-9_]{0,31}"


def _names(ids: int, *others: str) -> re.Pattern[str]:
    """Matches so many identifiers and then the others, joined by bars: one match instead of one a field."""
    return re.compile("\\|".join([_ID] * ids + list(others)))


class _Wire(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What all our wire structs are: closed and immutable."""


_CLICK_NAMES = _names(8, _WORD)


class Click(_Wire, frozen=True, gc=False):
    """commerce.clicks.v1, the fields that a fast decoder can judge by itself; `_touch` judges the rest."""

    event_id: str
    event_type: Literal["click", "view", "code"]
    occurred_at: str
    platform: str
    buyer_id: str
    koc_id: str
    content_id: str
    content_type: Literal["video", "live", "note", "shop_window", "link"]
    product_id: str
    shop_id: str
    brand_id: str
    traffic: Traffic
    campaign_id: str | None = None


def _touch(click: Click) -> tuple[str, Touch]:
    """The touch of a click and whose it is.

    Names that many touches share are interned: a buyer's state takes a third of the memory and of the cache misses.

    Raises:
        ValueError: a name or the time is not as it should be.
    """
    campaign_id = click.campaign_id
    names = (
        f"{click.event_id}|{click.buyer_id}|{click.koc_id}|{click.content_id}|{click.product_id}|{click.shop_id}"
        f"|{click.brand_id}|{'-' if campaign_id is None else campaign_id}|{click.platform}"
    )
    if _CLICK_NAMES.fullmatch(names) is None:
        raise ValueError("not an identifier")
    touch = (
        click.event_id,
        click.event_type,
        moment(click.occurred_at),
        intern(click.platform),
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


_EVENT_NAMES = _names(3)


class _OrderEvent(_Wire, frozen=True, gc=False, tag_field="event_type", kw_only=True):
    """What all order events carry."""

    event_id: str
    occurred_at: Moment
    order_id: str
    buyer_id: str

    def __post_init__(self) -> None:
        if _EVENT_NAMES.fullmatch(f"{self.event_id}|{self.order_id}|{self.buyer_id}") is None:
            raise ValueError("not an identifier")


_DECLARED_NAMES = _names(3)


class Declared(_Wire, frozen=True, gc=False):
    """The platform's own attribution."""

    content_id: str
    koc_id: str
    traffic: Traffic
    campaign_id: str | None = None

    def __post_init__(self) -> None:
        campaign = "-" if self.campaign_id is None else self.campaign_id
        if _DECLARED_NAMES.fullmatch(f"{self.content_id}|{self.koc_id}|{campaign}") is None:
            raise ValueError("not an identifier")


_LINE_NAMES = _names(5)


class OrderLine(_Wire, frozen=True, gc=False):
    """A line as it was paid."""

    line_id: str
    product_id: str
    brand_id: str
    quantity: Quantity
    goods_paid_minor: Amount
    sku_id: str | None = None
    category_id: str | None = None
    platform_discount_minor: Amount = 0
    shop_discount_minor: Amount = 0
    tax_minor: Amount = 0
    shipping_minor: Amount = 0

    def __post_init__(self) -> None:
        sku = "-" if self.sku_id is None else self.sku_id
        category = "-" if self.category_id is None else self.category_id
        if _LINE_NAMES.fullmatch(f"{self.line_id}|{self.product_id}|{self.brand_id}|{sku}|{category}") is None:
            raise ValueError("not an identifier")


_SHOP_NAMES = re.compile(rf"{_ID}\|{_WORD}\|[A-Z]{{3}}")


class OrderPaid(_OrderEvent, frozen=True, gc=False, tag="order.paid", kw_only=True):
    """order.paid."""

    platform: str
    shop_id: str
    currency: str
    lines: Annotated[tuple[OrderLine, ...], Meta(min_length=1, max_length=MAX_LINES)]
    new_customer: bool = False
    declared: Declared | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if _SHOP_NAMES.fullmatch(f"{self.shop_id}|{self.platform}|{self.currency}") is None:
            raise ValueError("not an identifier, platform or currency")
        if len(self.lines) > 1:
            _differ([line.line_id for line in self.lines])


def _differ(line_ids: list[str]) -> None:
    if len(set(line_ids)) != len(line_ids):
        raise ValueError("two lines have the same line_id")


_ONE_NAME = _names(1)


def _check_ids(ids: tuple[str, ...] | None) -> None:
    for one in ids or ():
        if _ONE_NAME.fullmatch(one) is None:
            raise ValueError("not an identifier")


LineIds = Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_LINES)]


class OrderReceived(_OrderEvent, frozen=True, gc=False, tag="order.received", kw_only=True):
    """order.received."""

    line_ids: LineIds | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ids(self.line_ids)


_TEXT = re.compile(TEXT_PATTERN.removesuffix("$"))


class OrderCancelled(_OrderEvent, frozen=True, gc=False, tag="order.cancelled", kw_only=True):
    """order.cancelled."""

    line_ids: LineIds | None = None
    reason: Annotated[str, Meta(max_length=MAX_REASON_LENGTH)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ids(self.line_ids)
        if self.reason is not None and _TEXT.fullmatch(self.reason) is None:
            raise ValueError("control characters in the reason")


class OrderCompleted(_OrderEvent, frozen=True, gc=False, tag="order.completed", kw_only=True):
    """order.completed."""


class RefundLine(_Wire, frozen=True, gc=False):
    """What was refunded of a line."""

    line_id: str
    refund_minor: Amount
    quantity: Annotated[int, Meta(ge=0, le=MAX_QUANTITY)] = 0


class OrderRefunded(_OrderEvent, frozen=True, gc=False, tag="order.refunded", kw_only=True):
    """order.refunded."""

    refund_id: str
    lines: Annotated[tuple[RefundLine, ...], Meta(min_length=1, max_length=MAX_LINES)]

    def __post_init__(self) -> None:
        super().__post_init__()
        line_ids = [line.line_id for line in self.lines]
        _check_ids((self.refund_id, *line_ids))
        _differ(line_ids)


class OrderRefundReversed(_OrderEvent, frozen=True, gc=False, tag="order.refund_reversed", kw_only=True):
    """order.refund_reversed."""

    refund_id: str
    line_id: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ids((self.refund_id, self.line_id))


OrderEvent = OrderPaid | OrderReceived | OrderCancelled | OrderCompleted | OrderRefunded | OrderRefundReversed

_decode_click = msgspec.json.Decoder(Click).decode
_new = tuple.__new__  # Touch(...) would go through a lambda: twice the time
_ORDER: msgspec.json.Decoder[OrderEvent] = msgspec.json.Decoder(OrderEvent, dec_hook=read_moment)


def read_click(raw: bytes | None) -> tuple[str, Touch]:
    """A record of commerce.clicks.v1: the buyer and the touch.

    Raises:
        Refused: the bytes are no such event.
    """
    try:
        if raw is not None and len(raw) <= MAX_EVENT_BYTES:
            return _touch(_decode_click(raw))
    except (*UNDECODABLE, ValueError):
        pass
    return _touch(_by_public_model(CLICKS.name, raw, Click))


def decode_order(raw: bytes | None) -> OrderEvent:
    """A record of commerce.orders.v1.

    Raises:
        Refused: the bytes are no such event.
    """
    try:
        if raw is not None and len(raw) <= MAX_EVENT_BYTES:
            return _ORDER.decode(raw)
    except UNDECODABLE:
        pass
    judged: OrderEvent = _by_public_model(ORDERS.name, raw, OrderEvent)
    return judged


def _by_public_model(topic: str, raw: bytes | None, kind: Any) -> Any:
    """The public model's verdict on what the fast decoder did not accept: what it accepts has unknown fields."""
    try:
        model = decoding.read(topic, raw)
    except decoding.InvalidEvent as invalid:
        raise Refused(invalid.reason, invalid.detail) from None
    metrics.attribution().unknown_fields.labels(topic).inc()
    return msgspec.convert(model.model_dump(mode="json"), kind, dec_hook=read_moment)
