"""Which topic an event belongs to, by its event_type."""

from typing import Any

from schemas.decoding import InvalidEvent
from schemas.reasons import Reason
from schemas.topics import CLICKS, ORDERS, REGISTRY
from schemas.wording import must_be, none_of

EVENT_TYPES = {
    CLICKS.name: ("click", "view", "code"),
    ORDERS.name: (
        "order.paid",
        "order.received",
        "order.refunded",
        "order.cancelled",
        "order.refund_reversed",
        "order.completed",
    ),
    REGISTRY.name: (
        "plan.published",
        "relation.set",
        "content.registered",
        "script_fee.accepted",
        "spend.reported",
        "content.removed",
        "dispute.opened",
        "dispute.decided",
        "hold.placed",
        "hold.released",
        "campaign.budget_set",
        "koc.left",
        "payee.set",
        "house.set",
    ),
}
"""Input topic -> the event types that belong to it."""
_TOPICS = {kind: topic for topic, kinds in EVENT_TYPES.items() for kind in kinds}


def topic_of(event: dict[str, Any]) -> str:
    """The input topic of an event; whatever begins with `order.` is for the model of orders to judge.

    Raises:
        InvalidEvent: its event_type belongs to none.
    """
    kind = event.get("event_type")
    if not isinstance(kind, str):
        problem = must_be("a text", kind) if "event_type" in event else "is missing"
        raise InvalidEvent(Reason.INVALID_TYPE, f"event_type: {problem}", "event_type")
    if kind.startswith("order."):
        return ORDERS.name
    if kind not in _TOPICS:
        raise InvalidEvent(Reason.INVALID_TYPE, none_of("event_type", kind, ", ".join(_TOPICS)), "event_type")
    return _TOPICS[kind]
