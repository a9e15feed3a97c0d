"""Which topic an event belongs to, by its event_type."""

from typing import Any

from schemas.decoding import InvalidEvent
from schemas.reasons import Reason
from schemas.topics import CLICKS, ORDERS, REGISTRY

_CLICKS = frozenset({"click", "view", "code"})
_REGISTRY = frozenset({"plan.published", "relation.set", "content.registered", "script_fee.accepted", "spend.reported"})


def topic_of(event: dict[str, Any]) -> str:
    """The input topic of an event.

    Raises:
        InvalidEvent: its event_type belongs to none.
    """
    kind = event.get("event_type")
    if isinstance(kind, str):
        if kind in _CLICKS:
            return CLICKS.name
        if kind.startswith("order."):
            return ORDERS.name
        if kind in _REGISTRY:
            return REGISTRY.name
    detail = f"event_type {str(kind)[:80]!r} belongs to no input topic"
    raise InvalidEvent(Reason.INVALID_TYPE, detail, "event_type")
