"""The fast decoders and the public models accept the same bytes, refuse the same bytes, and read the same values."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas import decoding
from schemas.currencies import CURRENCIES
from schemas.reasons import Reason
from schemas.specimens import MODELS, VALID
from schemas.topics import CLICKS, CREDITS, ORDERS
from services.attribution.domain.facts import Touch
from services.attribution.events import decode
from services.kernel.errors import Refused
from services.kernel.time import to_micros
from services.settlement.books import decode_credits as credit_wire
from tests.reference import wire_events
from tests.reference.wire_events import ODD, Token, places, written

DECODE: dict[str, Callable[[bytes], Any]] = {
    CLICKS.name: decode.read_click,
    ORDERS.name: decode.decode_order,
    CREDITS.name: credit_wire.decode_credit,
}
EVENTS = {CLICKS.name: wire_events.clicks, ORDERS.name: wire_events.orders, CREDITS.name: wire_events.credit_assertions}
types = pytest.mark.parametrize(("topic", "name"), [(topic, name) for topic in DECODE for name in MODELS[topic]])
topics = pytest.mark.parametrize("topic", DECODE)
many = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def plain(value: Any) -> Any:
    """A model or a struct as plain values, times as microseconds."""
    if isinstance(value, datetime):
        return to_micros(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__} | (
            {"event_type": tag} if tag else {}
        )
    return value


def as_event(buyer_id: str, touch: Touch) -> dict[str, Any]:
    """A touch under the names of the click that it was."""
    event = touch._asdict() | {"buyer_id": buyer_id}
    event["event_type"] = event.pop("kind")
    return event


def by_model(topic: str, raw: bytes) -> Any:
    try:
        return plain(decoding.read(topic, raw))
    except decoding.InvalidEvent as invalid:
        return invalid.reason


def by_wire(topic: str, raw: bytes) -> Any:
    try:
        read = DECODE[topic](raw)
        return as_event(*read) if topic == CLICKS.name else plain(read)
    except Refused as refused:
        return refused.reason


@topics
@many
@given(data=st.data())
def test_valid_events_are_read_alike_and_without_asking_the_model(topic: str, data: st.DataObject) -> None:
    raw = json.dumps(data.draw(EVENTS[topic]), ensure_ascii=data.draw(st.booleans())).encode()
    found = by_model(topic, raw)
    assert isinstance(found, dict), found
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(decoding, "read", None)
        assert by_wire(topic, raw) == found


@topics
@many
@given(data=st.data())
def test_whatever_is_done_to_an_event_both_say_the_same(topic: str, data: st.DataObject) -> None:
    raw = data.draw(wire_events.mutated(EVENTS[topic]))
    assert by_wire(topic, raw) == by_model(topic, raw)


def check_assertion(raw: bytes) -> None:
    """The decoder of the books reads what decode_credit reads, and accepts no more but for `considered`."""
    whole, priced = answer(credit_wire.decode_credit, raw), answer(credit_wire.decode_assertion, raw)
    if isinstance(whole, Reason) and not isinstance(priced, Reason):
        fields = json.loads(raw, parse_int=Token, parse_float=Token, parse_constant=Token)
        whole = answer(credit_wire.decode_credit, text(fields | {"considered": []}))
    for found in (whole, priced):
        if isinstance(found, dict):
            del found["considered"]
    assert priced == whole, raw


def answer(decode_raw: Callable[[bytes], Any], raw: bytes) -> Any:
    """The values that a decoder reads, as plain ones, or the reason of its refusal."""
    try:
        return plain(decode_raw(raw))
    except Refused as refused:
        return refused.reason


@many
@given(raw=wire_events.mutated(wire_events.credit_assertions))
def test_the_books_read_an_assertion_like_its_whole_but_for_what_was_considered(raw: bytes) -> None:
    check_assertion(raw)


@many
@given(event=wire_events.credit_assertions, considered=st.sampled_from(ODD).map(Token))
def test_the_books_read_an_assertion_whatever_its_considered_is(event: dict[str, Any], considered: Token) -> None:
    check_assertion(text(event))
    check_assertion(text(event | {"considered": considered}))


def test_the_books_answer_like_the_whole_for_an_odd_value_in_any_place() -> None:
    for raw in odd_values(VALID["credit"]):
        check_assertion(raw)


@pytest.mark.parametrize(("topic", "name"), [(ORDERS.name, "order.paid"), (CREDITS.name, "credit")])
@given(code=st.from_regex(r"[A-Z]{3}", fullmatch=True) | st.sampled_from(sorted(CURRENCIES)) | wire_events.ids)
def test_money_is_in_a_currency_of_the_standard_for_both(topic: str, name: str, code: str) -> None:
    raw = json.dumps(VALID[name] | {"currency": code}).encode()
    found = by_wire(topic, raw)
    assert found == by_model(topic, raw)
    assert (found == Reason.INVALID_FIELD) == (code not in CURRENCIES)


@types
def test_an_odd_value_in_any_place_gets_the_same_answer(topic: str, name: str) -> None:
    for raw in odd_values(VALID[name]):
        assert by_wire(topic, raw) == by_model(topic, raw), raw


def odd_values(valid: dict[str, Any]) -> Iterator[bytes]:
    """Every odd value in every place; beside the good one, before and after it; in a field that nobody knows.

    And every list with its items twice.
    """
    for index, (_, place) in enumerate(places(valid)):
        doubled = copy.deepcopy(valid)
        container, _ = places(doubled)[index]
        if isinstance(container[place], list):
            container[place] *= 2
            yield text(doubled)
        for odd in map(Token, ODD):
            instead, before, after = (copy.deepcopy(valid) for _ in range(3))
            container, name = places(instead)[index]
            container[name] = odd
            yield text(instead)
            if isinstance(name, str):
                container, _ = places(before)[index]
                good = container.pop(name)
                container[Token(json.dumps(name))], container[name] = odd, good
                yield text(before)
                container, _ = places(after)[index]
                container[Token(json.dumps(name))] = odd
                yield text(after)
    for odd in map(Token, ODD):
        yield text({**valid, "surprise": odd})


def text(event: dict[str, Any]) -> bytes:
    return written(event).encode(errors="surrogatepass")


@types
def test_damage_at_any_byte_gets_the_same_answer(topic: str, name: str) -> None:
    raw = text(VALID[name])
    for at in range(len(raw) + 1):
        for damaged in (
            raw[:at],
            raw[:at] + raw[at + 1 :],
            *(raw[:at] + b + raw[at:] for b in (b"\xff", b"\0", b'"', b"\\")),
        ):
            assert by_wire(topic, damaged) == by_model(topic, damaged), damaged


@types
def test_whole_records_that_are_no_event_get_the_same_answer(topic: str, name: str) -> None:
    raw = text(VALID[name])
    nothing = (b"", b"null", b"[]", b"{}", b"1", b'"x"', b" " * 300_000)
    for other in (*nothing, b"\xef\xbb\xbf" + raw, b"[" + raw + b"]", raw + raw, raw.decode().encode("utf-16")):
        assert by_wire(topic, other) == by_model(topic, other), other[:50]
        assert isinstance(by_wire(topic, other), Reason)
