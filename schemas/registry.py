"""commerce.registry.v1: reference data. Of events with one identity the newest offset stands."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from schemas.contents import ContentRegistered, ContentRemoved, ScriptFeeAccepted, SpendReported
from schemas.disputes import DisputeDecided, DisputeOpened, HoldPlaced, HoldReleased
from schemas.house import CampaignBudgetSet, HouseSet, KocLeft, PayeeSet
from schemas.plans import PlanPublished, RelationSet

AnyRegistryEvent = Annotated[
    PlanPublished
    | RelationSet
    | ContentRegistered
    | ScriptFeeAccepted
    | SpendReported
    | ContentRemoved
    | DisputeOpened
    | DisputeDecided
    | HoldPlaced
    | HoldReleased
    | CampaignBudgetSet
    | KocLeft
    | PayeeSet
    | HouseSet,
    Field(discriminator="event_type"),
]
REGISTRY_EVENT: TypeAdapter[Any] = TypeAdapter(AnyRegistryEvent)
