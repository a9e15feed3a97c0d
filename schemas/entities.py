"""What all events of commerce.registry.v1 are made of: an identity, a key, and words that mean the same in each."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from schemas.fields import Identifier, Message, Moment, wrong

RESERVED_ROLES = frozenset(
    {"brand", "bank", "clawback", "payout", "tax", "vat", "traffic", "suspense", "writeoff", "budget"}
)
"""Owners of other accounts; a role may not be called like them. `platform` is ourselves, `koc` the KOC."""
OWNER_PATTERN = r"^[a-z][a-z0-9_]{0,31}:[A-Za-z0-9._~=+@:-]{1,128}$"
MAX_DAYS = 365
KEY_FIELDS = ("plan_id", "dispute_id", "hold_id", "content_id", "koc_id", "campaign_id", "owner")
"""The first of them that an event has is the entity, its key; a house.set has none of them."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Days = Annotated[int, Field(ge=0, le=MAX_DAYS, description="days of 24 hours")]
Owner = Annotated[str, Field(pattern=OWNER_PATTERN, description="ROLE:ID, such as koc:k_7")]


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


def micros(moment: datetime) -> int:
    """Microseconds since 1970: one moment has many texts, and an identity names the moment."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def check_period(effective_from: datetime, effective_to: datetime | None) -> None:
    """Refuse what ends before it begins."""
    if effective_to is not None and effective_to <= effective_from:
        raise wrong("effective_to", "must be after effective_from")


def check_owner(owner: str) -> None:
    """Refuse the owner of an account that no party has."""
    role = owner.partition(":")[0]
    if role in RESERVED_ROLES | {"platform"}:
        raise wrong("owner", f"{role} is not a role that a party fills")
