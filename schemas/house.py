"""Registry events of runs and payouts: budgets, KOCs that left, where parties are paid, and our own settings."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.entities import Days, Owner, RegistryEvent, check_owner, micros
from schemas.fields import MILLION, Amount, Currency, Identifier, Moment, Ppm, Word

HOUSE_KEY = "house"


class CampaignBudgetSet(RegistryEvent):
    """The total that a campaign may cost its brand in one currency."""

    event_type: Literal["campaign.budget_set"]
    campaign_id: Identifier
    currency: Currency
    amount_minor: Amount

    @property
    def identity(self) -> str:
        """Campaign and currency."""
        return f"{self.campaign_id}|{self.currency}"


class KocLeft(RegistryEvent):
    """A KOC left: its last payout may be below the minimum."""

    event_type: Literal["koc.left"]
    koc_id: Identifier
    left_at: Moment

    @property
    def identity(self) -> str:
        """The KOC."""
        return self.koc_id


class PayeeSet(RegistryEvent):
    """Where a party is paid. `ref` is a token of the payee file: names and account numbers never stand here."""

    event_type: Literal["payee.set"]
    owner: Owner
    rail: Word
    ref: Identifier

    @model_validator(mode="after")
    def _is_a_party(self) -> Self:
        check_owner(self.owner)
        return self

    @property
    def identity(self) -> str:
        """The party."""
        return self.owner


class HouseSet(RegistryEvent):
    """Our own settings from a time on, all of them: a field that is absent has its default."""

    event_type: Literal["house.set"]
    effective_from: Moment
    vat_ppm: Annotated[dict[Currency, Ppm], Field(max_length=200)] | None = None
    netting_share_ppm: Ppm | None = MILLION
    reserve_ppm: Ppm | None = 0
    reserve_days: Days | None = 0
    payout_minimum_minor: Annotated[dict[Currency, Amount], Field(max_length=200)] | None = None
    return_window_days: Days | None = 7

    @property
    def identity(self) -> str:
        """When they begin, in microseconds since 1970 (one moment has many texts)."""
        return str(micros(self.effective_from))

    @property
    def key(self) -> str:
        """We are one house."""
        return HOUSE_KEY
