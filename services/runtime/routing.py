"""Which topic and key an event belongs to, by its event_type."""

import json
from typing import Any

from schemas import decoding
from schemas.reasons import Reason
from schemas.topics import CLICKS, ORDERS, REGISTRY
from services.runtime.publishing import Outgoing

_CLICKS = frozenset({"click", "view", "code"})
_REGISTRY = frozenset({"plan.published", "relation.set", "content.registered", "script_fee.accepted", "spend.reported"})


def topic_of(event: dict[str, Any]) -> str:
    """The topic of an event.

    Raises:
        InvalidEvent: its event_type belongs to no input topic.
    """
    kind = event.get("event_type")
    if isinstance(kind, str):
        if kind in _CLICKS:
            return CLICKS.name
        if kind.startswith("order."):
            return ORDERS.name
        if kind in _REGISTRY:
            return REGISTRY.name
    raise decoding.InvalidEvent(Reason.INVALID_TYPE, f"event_type {str(kind)[:80]!r} belongs to no input topic")


def route(raw: bytes) -> Outgoing:
    """A valid event as a record of its topic, under its key.

    Raises:
        InvalidEvent: it is not valid.
    """
    event = _object(raw)
    topic = topic_of(event)
    return Outgoing(topic, decoding.read(topic, raw).key.encode(), raw)


def route_as_is(raw: bytes, default_topic: str) -> Outgoing:
    """A record for any bytes: where they claim to belong, else `default_topic`, under whatever key can be found."""
    try:
        event = _object(raw)
        topic = topic_of(event)
    except decoding.InvalidEvent:
        return Outgoing(default_topic, b"unroutable", raw)
    field = ("plan_id", "koc_id", "content_id") if topic == REGISTRY.name else ("buyer_id",)
    key = next((event[name] for name in field if isinstance(event.get(name), str)), "unroutable")
    return Outgoing(topic, key.encode(errors="replace"), raw)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise decoding.InvalidEvent(Reason.INVALID_JSON, str(error)) from None
    if not isinstance(event, dict):
        raise decoding.InvalidEvent(Reason.INVALID_JSON, "not an object")
    return event
