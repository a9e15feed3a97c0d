"""Registry events that price a credit: plans, and who fills which role for a KOC."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.entities import RESERVED_ROLES, Days, RegistryEvent, check_period, micros
from schemas.fields import Amount, Currency, Identifier, Message, Moment, Ppm, Word, wrong

_WHOLES = frozenset({"commission", "base"})
"""What a split can be of besides a role."""
MAX_SCOPE = 1_000


class Split(Message):
    """A role's share of the commission, of the remaining base, or of what another role holds."""

    role: Word
    of: Word
    share_ppm: Ppm


class Tier(Message):
    """A rate from a sum of a KOC's sales in a month on."""

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
    return_window_days: Days | None = None
    zone_minutes: Annotated[int, Field(ge=-720, le=840, description="minutes east of UTC")] | None = None
    auto_receive_days: Days | None = None
    effective_from: Moment
    effective_to: Moment | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        check_period(self.effective_from, self.effective_to)
        self._check_sums()
        held = {"koc"}
        for number, split in enumerate(self.splits or ()):
            if split.role in RESERVED_ROLES | _WHOLES:
                raise wrong(f"splits.{number}.role", f"a role may not be called {split.role}")
            if split.of not in _WHOLES | held:
                sentence = f"{split.of} is neither commission, base, koc nor an earlier role"
                raise wrong(f"splits.{number}.of", sentence)
            held.add(split.role)
        return self

    def _check_sums(self) -> None:
        """Tiers ascend, and sums of money are in a currency."""
        tiers = self.tiers or []
        for number, (below, above) in enumerate(pairwise(tiers), 1):
            if above.from_minor <= below.from_minor:
                raise wrong(f"tiers.{number}.from_minor", "must be greater than that of the tier before")
        if self.currency is None and (tiers or self.new_customer_bonus_minor):
            raise wrong("currency", f"is missing: {'tiers need' if tiers else 'new_customer_bonus_minor needs'} it")

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
        check_period(self.effective_from, self.effective_to)
        if taken := (RESERVED_ROLES | {"platform", "koc"}) & self.parties.keys():
            raise wrong(f"parties.{min(taken)}", "a relation cannot say who fills this role")
        return self

    @property
    def identity(self) -> str:
        """KOC and when it begins, in microseconds since 1970 (one moment has many texts)."""
        return f"{self.koc_id}|{micros(self.effective_from)}"
