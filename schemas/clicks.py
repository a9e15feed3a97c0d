"""commerce.clicks.v1: a buyer saw, clicked or used a code of a KOC's content."""

from typing import Literal

from schemas.fields import Identifier, Message, Moment, Word


class Click(Message):
    """One touch of a buyer on a KOC's content."""

    event_id: Identifier
    event_type: Literal["click", "view", "code"]
    occurred_at: Moment
    platform: Word
    buyer_id: Identifier
    koc_id: Identifier
    content_id: Identifier
    content_type: Literal["video", "live", "note", "shop_window", "link"]
    product_id: Identifier
    shop_id: Identifier
    brand_id: Identifier
    campaign_id: Identifier | None = None
    traffic: Literal["natural", "boosted", "paid"]

    @property
    def key(self) -> str:
        """The record's key."""
        return self.buyer_id
