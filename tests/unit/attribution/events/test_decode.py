"""Decoding at the edges: what is counted, what is too large, and where bytes of any kind are sent."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas import decoding
from schemas.fields import MAX_EVENT_BYTES
from schemas.reasons import Reason
from schemas.specimens import VALID
from schemas.topics import CLICKS, ORDERS
from services.attribution.events import decode
from services.kernel.errors import Refused
from services.kernel.time import format_rfc3339, parse_rfc3339
from services.runtime import metrics
from services.settlement.books.decode_credits import decode_credit

DECODERS = [(decode.read_click, "click"), (decode.decode_order, "order.paid"), (decode_credit, "credit")]
fast = pytest.mark.parametrize(("decode", "name"), DECODERS)


def text(name: str, **more: Any) -> bytes:
    return json.dumps(VALID[name] | more).encode()


@pytest.mark.parametrize(("decode", "name", "topic"), [(*DECODERS[0], CLICKS.name), (*DECODERS[1], ORDERS.name)])
def test_an_event_with_unknown_fields_is_read_all_the_same_and_counted(
    decode: Callable[[bytes], Any], name: str, topic: str
) -> None:
    counter = metrics.attribution().unknown_fields.labels(topic)
    before = counter._value.get()
    assert decode(text(name, surprise={"a": [1]})) == decode(text(name))
    assert counter._value.get() - before == 1
    with pytest.raises(Refused):
        decode(text(name, surprise=1, buyer_id=7))
    assert counter._value.get() - before == 1


@fast
def test_a_record_over_the_limit_is_refused_for_its_size_and_one_at_the_limit_is_read(
    decode: Callable[[bytes], Any], name: str
) -> None:
    padding = MAX_EVENT_BYTES - len(text(name))
    assert decode(text(name) + b" " * padding) == decode(text(name))
    with pytest.raises(Refused) as refused:
        decode(text(name) + b" " * (padding + 1))
    assert refused.value.reason == Reason.INVALID_SIZE


@fast
def test_a_record_without_a_value_is_refused(decode: Callable[[bytes | None], Any], name: str) -> None:
    assert name
    with pytest.raises(Refused) as refused:
        decode(None)
    assert refused.value.reason == Reason.INVALID_JSON


@pytest.mark.parametrize("at", ["2000-01-01T00:00:00Z", "2000-01-01T08:00:00+08:00", "2099-12-31T23:59:59.999999Z"])
def test_moments_of_any_zone_are_microseconds(at: str) -> None:
    moment = decode.read_click(text("click", occurred_at=at))[1].occurred_at
    assert moment == parse_rfc3339(at)
    assert decode.read_click(text("click", occurred_at=format_rfc3339(moment)))[1].occurred_at == moment


@pytest.mark.parametrize("at", ["2000-01-01T00:00:00+00:01", "2099-12-31T23:59:59-00:01"])
def test_a_moment_that_we_could_not_publish_in_utc_is_refused(at: str) -> None:
    with pytest.raises(Refused) as refused:
        decode.read_click(text("click", occurred_at=at))
    assert refused.value.reason == Reason.INVALID_FIELD


def test_the_largest_order_is_read_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    line = VALID["order.paid"]["lines"][0]
    monkeypatch.setattr(decoding, "read", None)
    order = decode.decode_order(text("order.paid", lines=[line | {"line_id": f"{n}"} for n in range(200)]))
    assert isinstance(order, decode.OrderPaid)
    assert len(order.lines) == 200
