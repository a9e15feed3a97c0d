"""commerce.orders.v1: an order was paid, and what became of it."""

from typing import Annotated, Literal, Protocol, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter

from schemas.fields import MAX_LINES, MAX_QUANTITY, Amount, Currency, Identifier, Message, Moment, Reason, Word

Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
RefundedQuantity = Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
LineIds = Annotated[list[Identifier], Field(min_length=1, max_length=MAX_LINES)]


class OrderEvent(Message):
    """What all order events carry."""

    event_id: Identifier
    occurred_at: Moment
    order_id: Identifier
    buyer_id: Identifier

    @property
    def key(self) -> str:
        """The record's key."""
        return self.buyer_id


class Declared(Message):
    """The platform's own attribution of the whole order."""

    content_id: Identifier
    koc_id: Identifier
    campaign_id: Identifier | None = None
    traffic: Literal["natural", "boosted", "paid"]


class OrderLine(Message):
    """A line as it was paid; goods_paid_minor is the cash paid for the goods, without tax and shipping."""

    line_id: Identifier
    product_id: Identifier
    sku_id: Identifier | None = None
    brand_id: Identifier
    category_id: Identifier | None = None
    quantity: Quantity
    goods_paid_minor: Amount = Field(description="minor units paid for the goods, without tax and shipping")
    platform_discount_minor: Amount = 0
    shop_discount_minor: Amount = 0
    tax_minor: Amount = 0
    shipping_minor: Amount = 0


class _Named(Protocol):
    """What names a line."""

    @property
    def line_id(self) -> str: ...


L = TypeVar("L", bound=_Named)


def _differing(lines: list[L]) -> list[L]:
    """Lines as they are, each line_id once."""
    seen = set()
    for line in lines:
        if line.line_id in seen:
            raise ValueError(f"two of them have the line_id {line.line_id}")
        seen.add(line.line_id)
    return lines


class OrderPaid(OrderEvent):
    """The order is paid; occurred_at is when. Makes the order known."""

    event_type: Literal["order.paid"]
    platform: Word
    shop_id: Identifier
    currency: Currency
    new_customer: bool = False
    declared: Declared | None = None
    lines: Annotated[list[OrderLine], Field(min_length=1, max_length=MAX_LINES), AfterValidator(_differing)]


class OrderReceived(OrderEvent):
    """The buyer received the named lines, or all."""

    event_type: Literal["order.received"]
    line_ids: LineIds | None = None


class OrderCancelled(OrderEvent):
    """The named lines, or all, are cancelled for good."""

    event_type: Literal["order.cancelled"]
    line_ids: LineIds | None = None
    reason: Reason | None = None


class OrderCompleted(OrderEvent):
    """The order is completed; implies receipt."""

    event_type: Literal["order.completed"]


class RefundLine(Message):
    """What was refunded of a line's goods; a refund of tax or shipping does not belong here."""

    line_id: Identifier
    refund_minor: Amount = Field(description="minor units of the goods, as goods_paid_minor: without tax and shipping")
    quantity: RefundedQuantity = 0


class OrderRefunded(OrderEvent):
    """Money went back to the buyer; the same refund_id counts once for a line."""

    event_type: Literal["order.refunded"]
    refund_id: Identifier
    lines: Annotated[list[RefundLine], Field(min_length=1, max_length=MAX_LINES), AfterValidator(_differing)]


class OrderRefundReversed(OrderEvent):
    """A refund of a line was taken back, for good."""

    event_type: Literal["order.refund_reversed"]
    refund_id: Identifier
    line_id: Identifier


AnyOrderEvent = Annotated[
    OrderPaid | OrderReceived | OrderCancelled | OrderCompleted | OrderRefunded | OrderRefundReversed,
    Field(discriminator="event_type"),
]
ORDER_EVENT: TypeAdapter[AnyOrderEvent] = TypeAdapter(AnyOrderEvent)
