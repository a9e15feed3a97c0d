"""An event's bytes as a record: its topic by its event_type, its key by its model."""

import json

from schemas import decoding
from schemas.entities import KEY_FIELDS
from schemas.reasons import Reason
from schemas.routing import topic_of
from schemas.topics import REGISTRY
from schemas.wording import stands_twice
from services.runtime.publishing import Outgoing


def route(raw: bytes) -> Outgoing:
    """A valid event as a record of its topic, under its key.

    Raises:
        InvalidEvent: it is not valid.
    """
    topic = topic_of(decoding.read_object(raw))
    record = Outgoing(topic, decoding.read(topic, raw).key.encode(), raw)
    if twice := decoding.repeated_fields(raw):
        raise decoding.InvalidEvent(Reason.INVALID_FIELD, stands_twice(twice[0]), twice[0])
    return record


def route_as_is(raw: bytes, default_topic: str) -> Outgoing:
    """A record for any bytes: where they claim to belong, else `default_topic`, under whatever key can be found."""
    try:
        event = json.loads(raw)
        topic = topic_of(event if isinstance(event, dict) else {})
    except (ValueError, RecursionError):
        return Outgoing(default_topic, b"unroutable", raw)
    field = KEY_FIELDS if topic == REGISTRY.name else ("buyer_id",)
    key = next((event[name] for name in field if isinstance(event.get(name), str)), "unroutable")
    return Outgoing(topic, key.encode(errors="replace"), raw)
