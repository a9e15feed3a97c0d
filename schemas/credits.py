"""attribution.credits.v1: the whole current truth of one order line, so that the reader needs nothing else."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import MAX_QUANTITY, MILLION, Amount, Currency, Identifier, Message, Moment, Word

POLICY_PATTERN = r"^[a-z0-9_]{1,64}$"

Offset = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Step(Message):
    """The line's amounts after one order event: the sum refunded so far, and whether it is cancelled."""

    event_id: Identifier
    at: Moment
    refunded_minor: Amount
    cancelled: bool


class Credit(Message):
    """A content that the line is credited to; a declaration has no touch."""

    content_id: Identifier
    koc_id: Identifier
    campaign_id: Identifier | None = None
    traffic: Literal["natural", "boosted", "paid"]
    touch_id: Identifier | None = None
    touched_at: Moment | None = None
    weight_ppm: Annotated[int, Field(ge=1, le=MILLION)]


class Considered(Message):
    """A candidate and what became of it; the platform's own declaration is one, without a touch."""

    touch_id: Identifier | None = None
    content_id: Identifier
    koc_id: Identifier
    touched_at: Moment | None = None
    verdict: Word


class Version(Message):
    """The version vector: which events this truth is made of."""

    log: Offset
    rules: Offset
    touch: Offset
    order: Offset


class CreditAssertion(Message):
    """One order line. Weights add up to 1,000,000 exactly, or there are none."""

    order_id: Identifier
    line_id: Identifier
    buyer_id: Identifier
    platform: Word
    shop_id: Identifier
    brand_id: Identifier
    product_id: Identifier
    sku_id: Identifier | None = None
    category_id: Identifier | None = None
    currency: Currency
    quantity: Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
    new_customer: bool
    goods_paid_minor: Amount
    platform_discount_minor: Amount
    shop_discount_minor: Amount
    refunded_minor: Amount
    status: Literal["paid", "received", "completed", "cancelled"]
    paid_at: Moment
    received_at: Moment | None = None
    completed_at: Moment | None = None
    as_of: Moment
    steps: Annotated[list[Step], Field(min_length=1, max_length=50)]
    policy: Annotated[str, Field(pattern=POLICY_PATTERN)]
    credits: Annotated[list[Credit], Field(max_length=200)]
    considered: Annotated[list[Considered], Field(max_length=100)]
    version: Version
    source_partition: Annotated[int, Field(ge=0, le=2**31 - 1)]

    @property
    def key(self) -> str:
        """The record's key."""
        return f"{self.order_id}/{self.line_id}"
