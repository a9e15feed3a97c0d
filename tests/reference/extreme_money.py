"""Valid registry events and credit assertions at the limits of the contract: amounts, rates, splits, vectors.

All of it is bytes that went through the public models or the decoder, so that nothing here is stranger than the wire.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from schemas.fields import MAX_AMOUNT_MINOR, MILLION
from services.kernel.time import format_rfc3339
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.pricing.facts import ACCEPTED, CONTENT, PLAN, RELATION, SPEND
from services.settlement.posting.read_registry import read_event
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, FactStep, FactVersion

PARTITIONS = 3
BUYERS = 5
ROLES = ["koc", "platform", "mcn", "recruiter", "scout", "editor"]
LAST = FactVersion(2, 9, 9, 9)
"""Knows all that another assertion of these knows."""

ppms = st.sampled_from([MILLION, MILLION, MILLION, MILLION - 1, MILLION // 3, 1, 0])
near_a_limit = [MAX_AMOUNT_MINOR // part - less for part in (1, 2, 3, 7, 21, 2_100) for less in (0, 1)]
amounts = st.sampled_from([0, 1, 101, *near_a_limit]) | st.integers(0, MAX_AMOUNT_MINOR)
weights = st.sampled_from([MILLION, MILLION // 2, 333_333, 333_334, 1]) | st.integers(1, MILLION)
days = st.integers(0, 4).map(lambda day: PAID_AT + day * DAY)
ALWAYS = format_rfc3339(PAID_AT - DAY)
since = st.sampled_from([ALWAYS, format_rfc3339(PAID_AT + DAY)])
koc_ids = st.sampled_from(["k_0", "k_1"])
brand_ids = st.sampled_from(["br_0", "br_1"])
content_ids = st.sampled_from(["v_0", "v_1"])
currencies = st.sampled_from(["CNY", "JPY"])
versions = st.builds(FactVersion, *[st.integers(0, 1), st.integers(0, 1), st.integers(0, 2), st.integers(0, 2)])


@st.composite
def splits(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Splits of a plan, each of the base, of the commission, or of what an earlier role holds."""
    found: list[dict[str, Any]] = []
    for role in draw(st.lists(st.sampled_from(ROLES), max_size=20)):
        held = ["koc", *(split["role"] for split in found)]
        whole = draw(st.sampled_from(["base", "base", "commission"]) | st.sampled_from(held))
        found.append({"role": role, "of": whole, "share_ppm": draw(ppms)})
    return found


plans = st.fixed_dictionaries(
    {
        "event_type": st.just(PLAN),
        "plan_id": st.sampled_from(["pl_0", "pl_1"]),
        "version": st.integers(1, 2),
        "kind": st.sampled_from(["exclusive", "open"]),
        "brand_id": st.none() | st.none() | brand_ids,
        "koc_ids": st.none() | st.none() | st.lists(koc_ids, min_size=1, max_size=1),
        "rate_ppm": st.just(MILLION) | ppms,
        "paid_traffic_rate_ppm": st.none() | ppms,
        "base": st.sampled_from(["goods_paid", "before_platform_discount"]),
        "splits": splits(),
        "effective_from": since,
    }
)
relations = st.fixed_dictionaries(
    {
        "event_type": st.just(RELATION),
        "koc_id": koc_ids,
        "parties": st.dictionaries(st.sampled_from(ROLES[2:]), st.sampled_from(["x_0", "x_1"])),
        "effective_from": since,
    }
)
contents = st.fixed_dictionaries(
    {
        "event_type": st.just(CONTENT),
        "content_id": content_ids,
        "koc_id": koc_ids,
        "platform": st.sampled_from(["douyin", "kuaishou"]),
        "brand_id": brand_ids,
        "script_fee_minor": amounts,
        "currency": currencies,
    }
)
acceptances = st.fixed_dictionaries({"event_type": st.just(ACCEPTED), "content_id": content_ids})
spends = st.fixed_dictionaries(
    {
        "event_type": st.just(SPEND),
        "spend_id": st.sampled_from(["sp_0", "sp_1"]),
        "content_id": content_ids,
        "amount_minor": amounts,
        "currency": currencies,
        "paid_by": st.sampled_from(["brand", "platform", "koc"]),
    }
)
registry_bodies = st.one_of(plans, plans, relations, contents, acceptances, spends)


general_plans = st.builds(
    lambda plan: (
        plan | {"plan_id": "pl_9", "brand_id": None, "koc_ids": None, "rate_ppm": MILLION, "effective_from": ALWAYS}
    ),
    plans,
)
"""Plans that price every line, so that few are worth nothing."""


@st.composite
def registry_events(draw: st.DrawFn, bodies: st.SearchStrategy[dict[str, Any]]) -> ReferenceEvent:
    """A registry event as its reader reads it; its position is to be set."""
    common = {"event_id": "r_1", "occurred_at": format_rfc3339(draw(days))}
    return read_event(0, json.dumps(common | draw(bodies)).encode())


@dataclass(frozen=True)
class World:
    """Registry events, and the credit assertions of each partition; in no order."""

    registry: list[ReferenceEvent]
    logs: list[list[Fact]]


@st.composite
def assertions(draw: st.DrawFn, fact: Fact) -> Fact:
    """What a line may be said to be: any amounts, credits and order events."""
    steps = st.builds(FactStep, st.sampled_from([f"e_{n}" for n in range(5)]), days, amounts, st.booleans())
    contents = st.builds(FactCredit, content_ids, koc_ids, st.none(), st.sampled_from(["natural", "paid"]),
                         weight_ppm=weights)  # fmt: skip
    return fact.but(
        goods_paid_minor=draw(st.sampled_from(near_a_limit) | amounts),
        platform_discount_minor=draw(st.sampled_from(near_a_limit) | amounts),
        refunded_minor=draw(st.sampled_from([0, 0, 0, 1]) | amounts),
        status=draw(st.sampled_from(["paid", "received", "completed", "completed", "cancelled"])),
        as_of=draw(days),
        steps=tuple(draw(st.lists(steps, min_size=1, max_size=5))),
        credits=tuple(draw(st.lists(contents, min_size=draw(st.sampled_from([1, 1, 1, 0])), max_size=4))),
    )


@st.composite
def lines(draw: st.DrawFn, fact: Fact, *, one_truth: bool) -> list[Fact]:
    """All assertions of one buyer's line: of different vectors, or one of them twice."""
    said = []
    for version in draw(st.lists(versions, min_size=1, max_size=4, unique=True)):
        paid_at = fact.paid_at if one_truth or draw(st.integers(0, 3)) else draw(days)
        said.append(replace(draw(assertions(fact)), version=version, paid_at=paid_at))
    if one_truth:
        said.append(replace(draw(assertions(fact)), version=LAST))
    return [*said, *draw(st.lists(st.sampled_from(said), max_size=2))]


@st.composite
def worlds(draw: st.DrawFn, *, one_truth: bool) -> World:
    """Registry events and assertions of a few order lines, each claimed by one to three buyers.

    `one_truth`: each identity of the registry comes once, and a line has one payment time and an assertion that knows
    all, so that the order of arrival must not show in the end.
    """
    logs: list[list[Fact]] = [[] for _ in range(PARTITIONS)]
    for order in range(draw(st.integers(1, 3))):
        brand, currency = draw(brand_ids), draw(currencies)
        for buyer in draw(st.lists(st.integers(0, BUYERS - 1), min_size=1, max_size=3, unique=True)):
            fact = Fact(
                order_id=f"o_{order}", buyer_id=f"b_{buyer}", brand_id=brand, currency=currency, paid_at=draw(days)
            )
            said = draw(lines(fact, one_truth=one_truth))
            logs[buyer % PARTITIONS] += said
    some = registry_events(registry_bodies)
    registry = draw(st.lists(some, max_size=8, unique_by=_identity if one_truth else None))
    registry.append(draw(registry_events(general_plans)))
    return World(registry, logs)


def _identity(event: ReferenceEvent) -> tuple[str, str]:
    return event.kind, event.identity
