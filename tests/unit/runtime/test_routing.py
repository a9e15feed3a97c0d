"""Where bytes of any kind are sent."""

import json
from typing import Any

import pytest

from schemas import decoding
from schemas.specimens import VALID
from schemas.topics import CLICKS, CREDITS, ORDERS, REGISTRY
from services.runtime.routing import route, route_as_is


def text(name: str, **more: Any) -> bytes:
    return json.dumps(VALID[name] | more).encode()


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[" * 100_000, b'{"event_type":["click"]}', b'{"event_type":"credit"}'])
def test_bytes_that_belong_nowhere_are_refused_or_sent_to_the_named_topic(raw: bytes) -> None:
    with pytest.raises(decoding.InvalidEvent):
        route(raw)
    assert route_as_is(raw, ORDERS.name)[:3] == (ORDERS.name, b"unroutable", raw)


def test_events_go_under_their_keys_to_their_topics() -> None:
    for name, topic, key in (
        ("click", CLICKS, b"b_1"),
        ("order.completed", ORDERS, b"b_1"),
        ("plan.published", REGISTRY, b"pl_1"),
    ):
        assert route(text(name))[:2] == (topic.name, key)
        assert route_as_is(text(name), CREDITS.name)[:2] == (topic.name, key)
