"""What a refusal tells a person: the field and what it must be, in plain words, whatever is wrong with an event."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from schemas import decoding, wording
from schemas.reasons import Reason
from schemas.routing import EVENT_TYPES, topic_of
from schemas.specimens import MODELS, VALID
from schemas.topics import CLICKS, ORDERS, REGISTRY
from tests.reference.wire_events import ODD, Token, places, written

JARGON = (
    *("input", "field required", "valid string", "valid integer", "valid boolean", "valid list", "dictionary", "array"),
    *("union", "tag", "pydantic", "validat", "value error", "should", "pattern", "regex", "instance", "literal"),
    *("none ", "nonetype", "bool", "int ", "float", "str ", "dict", "codec", "eof", "ident", "unicode", "^", "\\u00"),
    *("(char", "extra_", "match", "type=", "class"),
)
"""Words of pydantic, of Python or of the JSON parser; none may reach a person. `is none of` is English."""
HOLE = "<an odd value>"
"""Stands in a written event where its odd values come."""
TYPES = [(topic, name) for topic, models in MODELS.items() for name in models]


def plain(detail: str) -> str:
    """A sentence in small letters, without the field's path and without what the event itself said."""
    detail = re.sub(r"^[A-Za-z0-9_.]+:", "", detail)
    for quoted in (part for part in detail.split('"')[1::2]):
        detail = detail.replace(f'"{quoted}"', "…")
    return detail.lower().replace("is none of", "")


def assert_plain(detail: str) -> None:
    told = plain(detail)
    assert [word for word in JARGON if word in told] == [], detail
    assert wording.UNFORESEEN not in detail, detail
    assert "\n" not in detail


def broken(event: dict[str, Any]) -> Iterator[bytes]:
    """An event with every odd value in every place, with every list twice as long, and without every field."""
    for index in range(len(places(event))):
        changed = copy.deepcopy(event)
        container, place = places(changed)[index]
        there, container[place] = container[place], Token(HOLE)
        text = written(changed)
        yield from (text.replace(HOLE, odd).encode(errors="surrogatepass") for odd in ODD)
        container[place] = there * 2 if isinstance(there, list) else there
        yield written(changed).encode(errors="surrogatepass")
        del container[place]
        yield written(changed).encode(errors="surrogatepass")


@pytest.mark.parametrize(("topic", "name"), TYPES)
def test_whatever_is_wrong_with_an_event_is_told_in_plain_words_after_the_path_of_the_field(
    topic: str, name: str
) -> None:
    told = {one.detail: one for raw in broken(VALID[name]) for one in decoding.problems(topic, raw)}
    assert len(told) > 30
    for detail, one in told.items():
        assert_plain(detail)
        if one.reason in (Reason.INVALID_FIELD, Reason.INVALID_TYPE):
            assert detail.startswith((f"{one.field}: ", f'{one.field} "')), detail
            assert not one.field.startswith(f"{name}."), one.field


@pytest.mark.parametrize(("topic", "name"), TYPES)
def test_every_pattern_of_the_contract_has_words(topic: str, name: str) -> None:
    def patterns(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if node.get("type") == "string" and "pattern" in node and "format" not in node:
                yield node["pattern"]
            node = list(node.values())
        if isinstance(node, list):
            for inner in node:
                yield from patterns(inner)

    schema = MODELS[topic][name].model_json_schema()
    assert set(patterns(schema)) - wording.FORMS.keys() == set()


def refusal(name: str, **changed: Any) -> str:
    (topic,) = (topic for topic, models in MODELS.items() if name in models)
    (found,) = decoding.problems(topic, json.dumps(VALID[name] | changed).encode())
    return f"{found.reason}: {found.detail}"


def line(**changed: Any) -> list[dict[str, Any]]:
    return [VALID["order.paid"]["lines"][0] | changed]


REFUSALS = {
    "lines.0.goods_paid_minor: must be 0 or more": refusal("order.paid", lines=line(goods_paid_minor=-1)),
    "lines.0.quantity: must be a whole number, not a text": refusal("order.paid", lines=line(quantity="1")),
    "lines: two of them have the line_id 1": refusal("order.paid", lines=line() * 2),
    "koc_id: must be 1 to 128 characters: letters A to Z or a to z, digits, or any of . _ ~ = + @ : -": refusal(
        "click", koc_id="k 7"
    ),
    'traffic "viral" is none of natural, boosted, paid': refusal("click", traffic="viral"),
    "traffic: must be one of natural, boosted, paid, not null": refusal("click", traffic=None),
    "occurred_at: must be a day that the calendar has": refusal("click", occurred_at="2026-02-30T09:00:00Z"),
    "effective_to: must be after effective_from": refusal("plan.published", effective_to="2026-09-01T00:00:00Z"),
    "parties.Mcn: the name must be 1 to 32 characters: a letter a to z, then letters a to z, digits or _": refusal(
        "relation.set", parties={"Mcn": "m_1"}
    ),
    "parties.koc: a relation cannot say who fills this role": refusal("relation.set", parties={"koc": "k_1"}),
    "currency: is missing: tiers need it": refusal("plan.published", currency=None),
    "currency: is missing: new_customer_bonus_minor needs it": refusal("plan.published", currency=None, tiers=[]),
    "owner: must be a role, a colon and an id, such as koc:k_7": refusal("payee.set", owner="k_7"),
    "vat_ppm.RMB: the name is not an ISO 4217 currency code, three capital letters such as CNY": refusal(
        "house.set", vat_ppm={"RMB": 1}
    ),
    "currency: is missing: a script fee needs it": refusal("content.registered", currency=None),
    "reason: must not contain control characters": refusal("order.cancelled", reason="a\u0007"),
}


@pytest.mark.parametrize("told", REFUSALS)
def test_a_refusal_names_the_field_and_what_it_must_be(told: str) -> None:
    assert REFUSALS[told] == f"invalid_field: {told}"


def test_an_event_type_of_no_model_is_told_all_that_there_are() -> None:
    assert refusal("order.paid", event_type="order.teleported") == (
        'invalid_type: event_type "order.teleported" is none of order.paid, order.received, order.cancelled, '
        "order.completed, order.refunded, order.refund_reversed"
    )


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b'{"a":1,', "it ends too early (line 1, column 7)"),
        (b'{"a":\n NaN}', "a value is missing, or is not JSON (NaN and Infinity are not) (line 2, column 2)"),
        (b'{"a":"\xff"}', "bytes that are not UTF-8 (line 1, column 7)"),
        (b'{"a":1} x', "something follows the first value (line 1, column 9)"),
        (b"{a:1}", "a field's name must be a text in double quotes (line 1, column 2)"),
        (b'{"a":tru}', "a word that is neither true, false nor null (line 1, column 9)"),
        (b"[1]", "it is another kind of value"),
        (b"", "it ends too early (line 1, column 0)"),
    ],
)
def test_bytes_that_are_no_object_are_told_with_their_place(raw: bytes, told: str) -> None:
    (found,) = decoding.problems(CLICKS.name, raw)
    assert str(found) == f"invalid_json: not one JSON object in UTF-8: {told}"


def test_a_record_that_is_too_large_is_told_with_both_sizes() -> None:
    (found,) = decoding.problems(CLICKS.name, b" " * 300_000)
    assert found.detail == "the record has 300,000 bytes, more than 262,144"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({}, "event_type: is missing"),
        ({"event_type": 17}, "event_type: must be a text, not a number"),
        (
            {"event_type": "teleport"},
            f'event_type "teleport" is none of {", ".join(kind for kinds in EVENT_TYPES.values() for kind in kinds)}',
        ),
        ({"event_type": "x" * 5_000}, f'event_type "{"x" * 40}…" is none of click, view, code, '),
    ],
)
def test_an_event_of_no_topic_is_told_all_that_there_are(event: dict[str, Any], told: str) -> None:
    with pytest.raises(decoding.InvalidEvent) as refused:
        topic_of(event)
    assert refused.value.detail.startswith(told)
    assert_plain(refused.value.detail)


def test_events_find_their_topics() -> None:
    for topic in (CLICKS, ORDERS, REGISTRY):
        for name in MODELS[topic.name]:
            assert topic_of(VALID[name]) == topic.name
