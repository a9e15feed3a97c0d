"""Events as bytes for the wire's laws: valid ones of every type, and the same after something was done to them."""

import json
import string
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypothesis import strategies as st

from schemas.currencies import CURRENCIES
from schemas.fields import MAX_AMOUNT_MINOR, MAX_QUANTITY, MILLION
from schemas.specimens import VALID

CLICK_TYPES = ["click", "view", "code"]
ids = st.text(string.ascii_letters + string.digits + "._~=+@:-", min_size=1, max_size=12) | st.just("x" * 128)
words = st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)
currencies = st.sampled_from(sorted(CURRENCIES))
amounts = st.integers(0, 10**6) | st.just(MAX_AMOUNT_MINOR)
traffics = st.sampled_from(["natural", "boosted", "paid"])
fractions = st.text(string.digits, max_size=6).map(lambda text: text and f".{text}")
offsets = st.sampled_from(["Z", "+00:00", "-00:00", "+08:00", "-11:30", "+23:59"])


@dataclass(frozen=True)
class Token:
    """Text that stands in the JSON as it is."""

    text: str


@st.composite
def times(draw: st.DrawFn) -> str:
    day = draw(st.dates(date(2000, 1, 2), date(2099, 12, 30)))
    clock = draw(st.times()).replace(microsecond=0, tzinfo=None)
    return f"{day.isoformat()}T{clock.isoformat()}{draw(fractions)}{draw(offsets)}"


def sometimes(field: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The field with a value, as null, or not at all."""
    return value.map(lambda one: {field: one}) | st.just({field: None}) | st.just({})


def struct(fields: dict[str, st.SearchStrategy[Any]], *optional: st.SearchStrategy[dict[str, Any]]) -> Any:
    """An object of these fields and of the optional ones, in any order."""

    def mixed(parts: tuple[dict[str, Any], ...]) -> Any:
        return st.permutations([item for part in parts for item in part.items()]).map(dict)

    return st.tuples(st.fixed_dictionaries(fields), *optional).flatmap(mixed)


clicks = struct(
    {
        "event_id": ids,
        "event_type": st.sampled_from(CLICK_TYPES),
        "occurred_at": times(),
        "platform": words,
        "buyer_id": ids,
        "koc_id": ids,
        "content_id": ids,
        "content_type": st.sampled_from(["video", "live", "note", "shop_window", "link"]),
        "product_id": ids,
        "shop_id": ids,
        "brand_id": ids,
        "traffic": traffics,
    },
    sometimes("campaign_id", ids),
)

declarations = struct({"content_id": ids, "koc_id": ids, "traffic": traffics}, sometimes("campaign_id", ids))
lines = struct(
    {
        "line_id": ids,
        "product_id": ids,
        "brand_id": ids,
        "quantity": st.integers(1, MAX_QUANTITY),
        "goods_paid_minor": amounts,
        "platform_discount_minor": amounts,
        "shop_discount_minor": amounts,
        "tax_minor": amounts,
        "shipping_minor": amounts,
    },
    sometimes("sku_id", ids),
    sometimes("category_id", ids),
)
refund_lines = struct({"line_id": ids, "refund_minor": amounts, "quantity": st.integers(0, MAX_QUANTITY)})
reasons = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=10)
line_ids = st.lists(ids, min_size=1, max_size=3)


def order(kind: str, fields: dict[str, st.SearchStrategy[Any]], *optional: st.SearchStrategy[dict[str, Any]]) -> Any:
    common = {"event_id": ids, "event_type": st.just(kind), "occurred_at": times(), "order_id": ids, "buyer_id": ids}
    return struct(common | fields, *optional)


def several(kind: st.SearchStrategy[dict[str, Any]]) -> Any:
    return st.lists(kind, min_size=1, max_size=3, unique_by=lambda line: line["line_id"])


orders = st.one_of(
    order(
        "order.paid",
        {"platform": words, "shop_id": ids, "currency": currencies, "lines": several(lines)},
        sometimes("declared", declarations),
        st.booleans().map(lambda value: {"new_customer": value}) | st.just({}),
    ),
    order("order.received", {}, sometimes("line_ids", line_ids)),
    order("order.refunded", {"refund_id": ids, "lines": several(refund_lines)}),
    order("order.cancelled", {}, sometimes("line_ids", line_ids), sometimes("reason", reasons)),
    order("order.refund_reversed", {"refund_id": ids, "line_id": ids}),
    order("order.completed", {}),
)

steps = struct({"event_id": ids, "at": times(), "refunded_minor": amounts, "cancelled": st.booleans()})
credited = struct(
    {"content_id": ids, "koc_id": ids, "traffic": traffics, "weight_ppm": st.integers(1, MILLION)},
    sometimes("campaign_id", ids),
    sometimes("touch_id", ids),
    sometimes("touched_at", times()),
)
considered = struct(
    {"content_id": ids, "koc_id": ids, "verdict": words}, sometimes("touch_id", ids), sometimes("touched_at", times())
)
counts = st.integers(0, 2**63 - 1)
credit_assertions = struct(
    {
        **dict.fromkeys(["order_id", "line_id", "buyer_id", "shop_id", "brand_id", "product_id"], ids),
        **dict.fromkeys(
            ["goods_paid_minor", "platform_discount_minor", "shop_discount_minor", "refunded_minor"], amounts
        ),
        "platform": words,
        "currency": currencies,
        "quantity": st.integers(0, MAX_QUANTITY),
        "new_customer": st.booleans(),
        "status": st.sampled_from(["paid", "received", "completed", "cancelled"]),
        "paid_at": times(),
        "as_of": times(),
        "steps": st.lists(steps, min_size=1, max_size=2),
        "policy": st.sampled_from(["last_click", "linear"]),
        "credits": st.lists(credited, max_size=2),
        "considered": st.lists(considered, max_size=2),
        "version": struct(dict.fromkeys(["log", "rules", "touch", "order"], counts)),
        "source_partition": st.integers(0, 11),
    },
    *(sometimes(name, ids) for name in ("sku_id", "category_id")),
    *(sometimes(name, times()) for name in ("received_at", "completed_at")),
)

ODD = [
    *("1.0", "1e3", "-0", "-1", "0.5", "1000000000001", "9223372036854775808", "1" * 400, "1e999", "NaN", "-Infinity"),
    *("true", "false", "null", "[]", "{}", "[1]", '""', '"1"', '"a b"', '"a|b"', '"a\\n"', '"\\u0061"', '"\\u0000"'),
    *('"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"é"', '"\u2028"', '"Douyin"', '"cny"', '"CNYX"'),
    *('"RMB"', '"XXX"', '"XTS"', '"XAU"', '"XYZ"', '"usd"', '"CNY "'),
    *('"' + "x" * 129 + '"', '"' + "x" * 201 + '"', "[" * 300 + "]" * 300, '"\ufeff"', "01", "+1", "1.", "'a'", "tru"),
    *(
        f'"{text}"'
        for text in (
            "2026-11-01t09:00:00Z",
            "2026-11-01T09:00:00z",
            "2026-11-01 09:00:00Z",
            "2026-11-01T09:00:00",
            "2026-11-01T09:00:00.1234567Z",
            "2026-11-01T09:00:00.Z",
            "2026-11-01T09:00:00,5Z",
            "2026-11-01T09:00:60Z",
            "2026-11-01T24:00:00Z",
            "2026-02-30T09:00:00Z",
            "2026-11-01T09:00Z",
            "20261101T090000Z",
            "2026-W45-1T09:00:00Z",
            "1999-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "2000-01-01T00:00:00+23:59",
            "2099-12-31T23:59:59.999999-23:59",
            "2026-11-01T09:00:00+24:00",
            "2026-11-01T09:00:00+0800",
            "2026-11-01T09:00:00Z\\n",
            "٢٠٢٦-11-01T09:00:00Z",
            "click",
            "order.completed",
            "order.paid",
            "order.teleported",
        )
    ),
    *(json.dumps(VALID["order.paid"]["lines"] * times) for times in (2, 201)),
    *("[" * 198 + "]" * 198, "1" * 5000),
    *('["1","1"]', '["1","a|b"]', '["1",2]'),
]  # fmt: skip


def places(event: Any) -> list[tuple[Any, Any]]:
    """Every (container, index) of an event, at any depth."""
    inner = event.items() if isinstance(event, dict) else enumerate(event)
    found = [(event, index) for index, _ in inner]
    for container, index in list(found):
        if isinstance(container[index], dict | list):
            found += places(container[index])
    return found


def written(value: Any) -> str:
    """JSON text, with tokens as they are and lists of pairs under "twice" as repeated names."""
    if isinstance(value, Token):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{written(name)}:{written(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@st.composite
def mutated(draw: st.DrawFn, events: st.SearchStrategy[dict[str, Any]]) -> bytes:
    """The bytes of a valid event after one thing, or two, were done to it."""
    event = json.loads(json.dumps(draw(events)))
    for _ in range(draw(st.integers(1, 2))):
        container, index = draw(st.sampled_from(places(event)))
        act = draw(st.sampled_from(["odd", "odd", "odd", "remove", "unknown", "twice", "rename"]))
        odd = Token(draw(st.sampled_from(ODD)))
        if act == "remove" and isinstance(container, dict):
            del container[index]
        elif act == "unknown" and isinstance(container, dict):
            container[draw(st.sampled_from(["surprise", "é", ""]))] = odd
        elif act == "twice" and isinstance(index, str):
            container[Token(json.dumps(index) + draw(st.sampled_from(["", " "])))] = draw(
                st.sampled_from([odd, container[index]])
            )
        elif act == "rename" and isinstance(index, str) and index:
            container[Token(f'"\\u{ord(index[0]):04x}{index[1:]}"')] = container.pop(index)
        else:
            container[index] = odd
        if not places(event):
            break
    return spoiled(written(event).encode(errors="surrogatepass"), draw)


def spoiled(raw: bytes, draw: st.DrawFn) -> bytes:
    """The bytes, now and then with damage that only bytes can have."""
    at = draw(st.integers(0, len(raw)))
    return draw(
        st.sampled_from(
            [
                *[raw] * 8,
                raw[:at],
                b"\xef\xbb\xbf" + raw,
                raw + b"\n",
                raw + b" {}",
                raw + b"\x00",
                b"[" + raw + b"]",
                raw[:at] + b"\xff" + raw[at:],
                raw[:at] + b"\x01" + raw[at:],
                raw[:at] + b" " + raw[at:],
                raw.decode("utf-8", "replace").encode("utf-16"),
                b"",
            ]
        )
    )
