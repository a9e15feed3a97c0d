"""Registry events of a content: who made it, its script fee, paid traffic on it, and its removal."""

from typing import Literal, Self

from pydantic import model_validator

from schemas.entities import RegistryEvent
from schemas.fields import Amount, Currency, Identifier, Word, wrong


class ContentRegistered(RegistryEvent):
    """A content, who made it, and what its script is worth."""

    event_type: Literal["content.registered"]
    content_id: Identifier
    koc_id: Identifier
    platform: Word
    brand_id: Identifier | None = None
    campaign_id: Identifier | None = None
    content_family_id: Identifier | None = None
    script_fee_minor: Amount | None = 0
    currency: Currency | None = None

    @model_validator(mode="after")
    def _fee_is_complete(self) -> Self:
        for field in ("brand_id", "currency"):
            if self.script_fee_minor and getattr(self, field) is None:
                raise wrong(field, "is missing: a script fee needs it")
        return self

    @property
    def identity(self) -> str:
        """The content."""
        return self.content_id


class ScriptFeeAccepted(RegistryEvent):
    """The brand accepted a content: its script fee is owed."""

    event_type: Literal["script_fee.accepted"]
    content_id: Identifier

    @property
    def identity(self) -> str:
        """The content."""
        return self.content_id


class SpendReported(RegistryEvent):
    """Paid traffic on a content."""

    event_type: Literal["spend.reported"]
    content_id: Identifier
    spend_id: Identifier
    amount_minor: Amount
    currency: Currency
    paid_by: Literal["brand", "platform", "koc"]

    @property
    def identity(self) -> str:
        """The spend."""
        return self.spend_id

    @property
    def key(self) -> str:
        """The content."""
        return self.content_id


class ContentRemoved(RegistryEvent):
    """A content is no longer published; its script fee is taken back, unless the event says that it stays."""

    event_type: Literal["content.removed"]
    content_id: Identifier
    cancels_script_fee: bool | None = True

    @property
    def identity(self) -> str:
        """The content."""
        return self.content_id
