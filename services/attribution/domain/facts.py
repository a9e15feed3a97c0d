"""Events in the domain's words: touches, payments and later facts of an order. Immutable, compared as a whole.

All times are microseconds since the epoch, all amounts integer minor units. Two events with one id are the same event
if their tuples are equal, so the tuples hold every field of the contract.
"""

from typing import NamedTuple

RECEIVED = "order.received"
COMPLETED = "order.completed"
CANCELLED = "order.cancelled"
REFUNDED = "order.refunded"
REFUND_REVERSED = "order.refund_reversed"


class Touch(NamedTuple):
    """A click, a view or a code of one buyer on one KOC's content."""

    event_id: str
    kind: str
    occurred_at: int
    platform: str
    koc_id: str
    content_id: str
    content_type: str
    product_id: str
    shop_id: str
    brand_id: str
    campaign_id: str | None
    traffic: str


class PaidLine(NamedTuple):
    """A line of an order as it was paid."""

    line_id: str
    product_id: str
    sku_id: str | None
    brand_id: str
    category_id: str | None
    quantity: int
    goods_paid_minor: int
    platform_discount_minor: int
    shop_discount_minor: int
    tax_minor: int
    shipping_minor: int


class Declaration(NamedTuple):
    """The platform's own attribution of a whole order."""

    content_id: str
    koc_id: str
    campaign_id: str | None
    traffic: str


class Payment(NamedTuple):
    """An order.paid event, which makes an order known."""

    event_id: str
    order_id: str
    paid_at: int
    platform: str
    shop_id: str
    currency: str
    new_customer: bool
    declared: Declaration | None
    lines: tuple[PaidLine, ...]


class Fact(NamedTuple):
    """Any later event of a paid order.

    Attributes:
        line_ids: the lines that the event names; None for all of them.
        refund_id: of a refund or its reversal, otherwise "".
        refunds: of a refund: (line_id, refunded minor units, quantity).
        reason: of a cancellation, in the shop's words.
    """

    kind: str
    event_id: str
    occurred_at: int
    line_ids: tuple[str, ...] | None
    refund_id: str
    refunds: tuple[tuple[str, int, int], ...]
    reason: str | None

    def lines_named(self) -> tuple[str, ...]:
        """The lines that the order must have."""
        return tuple(line_id for line_id, _, _ in self.refunds) if self.refunds else self.line_ids or ()
