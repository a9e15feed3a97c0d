"""An event's bytes as a record: its topic by its event_type, its key by its model."""

import json
from typing import Any

from schemas import decoding
from schemas.reasons import Reason
from schemas.routing import topic_of
from schemas.topics import REGISTRY
from services.runtime.publishing import Outgoing


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
