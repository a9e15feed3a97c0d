"""Registry events that stop money: disputes about orders, and holds."""

from typing import Literal, Self

from pydantic import model_validator

from schemas.entities import Owner, RegistryEvent, check_owner
from schemas.fields import Identifier, wrong


class DisputeOpened(RegistryEvent):
    """Somebody disputes an order, or one of its lines: no run settles it until the dispute is decided."""

    event_type: Literal["dispute.opened"]
    dispute_id: Identifier
    order_id: Identifier
    line_id: Identifier | None = None

    @property
    def identity(self) -> str:
        """The dispute."""
        return self.dispute_id


class DisputeDecided(RegistryEvent):
    """A dispute ended: the commission is allowed, or denied."""

    event_type: Literal["dispute.decided"]
    dispute_id: Identifier
    order_id: Identifier
    line_id: Identifier | None = None
    outcome: Literal["allowed", "denied"]

    @property
    def identity(self) -> str:
        """The dispute."""
        return self.dispute_id


class HoldPlaced(RegistryEvent):
    """Money is kept back: of an order or one of its lines, of a content, or of an owner."""

    event_type: Literal["hold.placed"]
    hold_id: Identifier
    order_id: Identifier | None = None
    line_id: Identifier | None = None
    content_id: Identifier | None = None
    owner: Owner | None = None

    @model_validator(mode="after")
    def _holds_one_thing(self) -> Self:
        named = [name for name in ("order_id", "content_id", "owner") if getattr(self, name) is not None]
        if not named:
            raise wrong("order_id", "is missing: a hold names an order_id, a content_id or an owner")
        if len(named) > 1:
            raise wrong(named[1], f"must be absent: this hold names {named[0]}, and a hold names one thing")
        if self.line_id is not None and self.order_id is None:
            raise wrong("order_id", "is missing: a line_id needs it")
        if self.owner is not None:
            check_owner(self.owner)
        return self

    @property
    def identity(self) -> str:
        """The hold. Of its hold.placed and hold.released events together the newest offset stands."""
        return self.hold_id


class HoldReleased(RegistryEvent):
    """A hold ends."""

    event_type: Literal["hold.released"]
    hold_id: Identifier

    @property
    def identity(self) -> str:
        """The hold. Of its hold.placed and hold.released events together the newest offset stands."""
        return self.hold_id
