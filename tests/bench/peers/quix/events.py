"""What the Quix peer reads, keeps and publishes: the fields of our topics, by the fastest JSON library for Python.

What is kept is packed as arrays, without the names of its fields: a row of a third of the bytes.
"""

import msgspec


class TouchEvent(msgspec.Struct, gc=False):
    """A record of commerce.clicks.v1."""

    event_id: str
    event_type: str
    occurred_at: str
    platform: str
    buyer_id: str
    koc_id: str
    content_id: str
    content_type: str
    product_id: str
    shop_id: str
    brand_id: str
    traffic: str
    campaign_id: str | None = None


class Touch(TouchEvent, array_like=True, gc=False):
    """A touch as it is kept. `at` is microseconds since the epoch, `offset` its place in its log."""

    at: int = 0
    offset: int = 0


class LineEvent(msgspec.Struct, gc=False):
    """A line of an order as it was paid."""

    line_id: str
    product_id: str
    brand_id: str
    quantity: int
    goods_paid_minor: int
    sku_id: str | None = None
    category_id: str | None = None
    platform_discount_minor: int = 0
    shop_discount_minor: int = 0
    tax_minor: int = 0
    shipping_minor: int = 0


class Line(LineEvent, array_like=True, gc=False):
    """A line as it is kept."""


class OrderEvent(msgspec.Struct, gc=False):
    """An order.paid."""

    event_id: str
    occurred_at: str
    order_id: str
    buyer_id: str
    platform: str
    shop_id: str
    currency: str
    lines: list[LineEvent]
    new_customer: bool = False


class Order(msgspec.Struct, array_like=True, gc=False):
    """An order as it is kept. `at` is microseconds since the epoch, `next_offset` the offset after it in its log."""

    event_id: str
    occurred_at: str
    order_id: str
    buyer_id: str
    platform: str
    shop_id: str
    currency: str
    lines: list[Line]
    new_customer: bool
    at: int
    next_offset: int


class Credit(msgspec.Struct, gc=False):
    """Who is credited for a line."""

    content_id: str
    koc_id: str
    campaign_id: str | None
    traffic: str
    touch_id: str
    touched_at: str
    weight_ppm: int


class Considered(msgspec.Struct, gc=False):
    """A candidate and its verdict."""

    touch_id: str
    content_id: str
    koc_id: str
    touched_at: str
    verdict: str


class Step(msgspec.Struct, gc=False):
    """What a line was worth from a moment on."""

    event_id: str
    at: str
    refunded_minor: int
    cancelled: bool


class Version(msgspec.Struct, gc=False):
    """Which events an assertion is made of."""

    log: int
    rules: int
    touch: int
    order: int


class Assertion(msgspec.Struct, gc=False):
    """A record of attribution.credits.v1."""

    order_id: str
    line_id: str
    buyer_id: str
    platform: str
    shop_id: str
    brand_id: str
    product_id: str
    sku_id: str | None
    category_id: str | None
    currency: str
    quantity: int
    new_customer: bool
    goods_paid_minor: int
    platform_discount_minor: int
    shop_discount_minor: int
    refunded_minor: int
    status: str
    paid_at: str
    received_at: str | None
    completed_at: str | None
    as_of: str
    steps: list[Step]
    policy: str
    credits: list[Credit]
    considered: list[Considered]
    version: Version
    source_partition: int
