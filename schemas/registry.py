"""commerce.registry.v1: reference data. Of events with one identity the newest offset stands."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from schemas.fields import Amount, Currency, Identifier, Message, Moment, Ppm, Word, wrong

RESERVED_ROLES = frozenset({"brand", "bank", "clawback", "payout", "tax", "vat", "traffic", "suspense"})
"""Owners of other accounts; a role may not be called like them. `platform` is ourselves, `koc` the KOC."""
_WHOLES = frozenset({"commission", "base"})
"""What a split can be of besides a role."""
MAX_SCOPE = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RegistryEvent(Message):
    """What all registry events carry."""

    event_id: Identifier
    occurred_at: Moment

    @property
    def identity(self) -> str:
        """What this event is the newest of, within its event_type."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """The record's key: the entity."""
        return self.identity.partition("|")[0]


def _check_period(effective_from: datetime, effective_to: datetime | None) -> None:
    if effective_to is not None and effective_to <= effective_from:
        raise wrong("effective_to", "must be after effective_from")


class Split(Message):
    """A role's share of the commission, of the remaining base, or of what another role holds."""

    role: Word
    of: Word
    share_ppm: Ppm


class Tier(Message):
    """A rate from a sum of sales on."""

    from_minor: Amount
    rate_ppm: Ppm


Scope = Annotated[list[Identifier], Field(min_length=1, max_length=MAX_SCOPE)]


class PlanPublished(RegistryEvent):
    """One version of a commission plan; a scope field that is null matches all."""

    event_type: Literal["plan.published"]
    plan_id: Identifier
    version: Annotated[int, Field(ge=1, le=10**9)]
    kind: Literal["exclusive", "targeted", "activity", "open"]
    brand_id: Identifier | None = None
    product_ids: Scope | None = None
    category_ids: Scope | None = None
    koc_ids: Scope | None = None
    campaign_id: Identifier | None = None
    platforms: Annotated[list[Word], Field(min_length=1, max_length=100)] | None = None
    rate_ppm: Ppm
    paid_traffic_rate_ppm: Ppm | None = None
    tiers: Annotated[list[Tier], Field(max_length=20)] | None = None
    new_customer_bonus_minor: Amount | None = None
    currency: Currency | None = None
    base: Literal["goods_paid", "before_platform_discount"]
    splits: Annotated[list[Split], Field(max_length=20)] | None = None
    return_window_days: Annotated[int, Field(ge=0, le=365)] | None = None
    effective_from: Moment
    effective_to: Moment | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _check_period(self.effective_from, self.effective_to)
        held = {"koc"}
        for number, split in enumerate(self.splits or ()):
            if split.role in RESERVED_ROLES | _WHOLES:
                raise wrong(f"splits.{number}.role", f"a role may not be called {split.role}")
            if split.of not in _WHOLES | held:
                sentence = f"{split.of} is neither commission, base, koc nor an earlier role"
                raise wrong(f"splits.{number}.of", sentence)
            held.add(split.role)
        return self

    @property
    def identity(self) -> str:
        """Plan and version."""
        return f"{self.plan_id}|{self.version}"


class RelationSet(RegistryEvent):
    """Who fills which role for a KOC, for orders paid in [effective_from, effective_to)."""

    event_type: Literal["relation.set"]
    koc_id: Identifier
    parties: Annotated[dict[Word, Identifier], Field(max_length=20)]
    effective_from: Moment
    effective_to: Moment | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _check_period(self.effective_from, self.effective_to)
        if taken := (RESERVED_ROLES | {"platform", "koc"}) & self.parties.keys():
            raise wrong(f"parties.{min(taken)}", "a relation cannot say who fills this role")
        return self

    @property
    def identity(self) -> str:
        """KOC and when it begins, in microseconds since 1970 (one moment has many texts)."""
        return f"{self.koc_id}|{(self.effective_from - _EPOCH) // timedelta(microseconds=1)}"


class ContentRegistered(RegistryEvent):
    """A content, who made it, and what its script is worth."""

    event_type: Literal["content.registered"]
    content_id: Identifier
    koc_id: Identifier
    platform: Word
    brand_id: Identifier | None = None
    campaign_id: Identifier | None = None
    content_family_id: Identifier | None = None
    script_fee_minor: Amount = 0
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


AnyRegistryEvent = Annotated[
    PlanPublished | RelationSet | ContentRegistered | ScriptFeeAccepted | SpendReported,
    Field(discriminator="event_type"),
]
REGISTRY_EVENT: TypeAdapter[Any] = TypeAdapter(AnyRegistryEvent)
