"""docs/registry.md says what the code does: its fields, examples, order of plans, bases and worked figures."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest

from schemas.check import check
from schemas.contents import SpendReported
from schemas.entities import RESERVED_ROLES, RegistryEvent
from schemas.fields import Message
from schemas.samples import Sample, samples
from schemas.specimens import MODELS
from schemas.topics import REGISTRY
from services.kernel.money import share
from services.kernel.time import parse_rfc3339
from services.settlement.domain.book import chart
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.pricing.facts import content_of, plan_of, relation_of, spend_of
from services.settlement.domain.pricing.plans import KINDS, Plan, Split
from services.settlement.domain.pricing.price import Position, price, remaining_base, split, terms_of
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.contents import FeeWorth, script_fee_worth, spend_target
from tests.kit.pages import json_of, rows_of, section_of
from tests.kit.settlement_facts import Fact

FILE = Path(__file__).parents[3] / "docs/registry.md"
PAGE = FILE.read_text()
NAMES = list(MODELS[REGISTRY.name])
EXAMPLES = json_of(PAGE)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """The JSON examples of the page, as `koc publish` would read them."""
    path = tmp_path_factory.mktemp("page") / "registry.json"
    path.write_text(EXAMPLES)
    return list(samples(str(path)))


@pytest.fixture(scope="module")
def bodies(examples: list[Sample]) -> dict[str, dict[str, Any]]:
    """event_id -> the example."""
    events = [json.loads(one.raw) for one in examples]
    return {event["event_id"]: event for event in events}


def section(name: str) -> str:
    return section_of(PAGE, name)


def test_every_example_is_a_valid_event_and_loses_nobody(examples: list[Sample]) -> None:
    report = check(examples)
    assert report.findings == []
    assert {json.loads(one.raw)["event_type"] for one in examples} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_has_a_table_of_exactly_its_fields_and_says_which_are_required(name: str) -> None:
    fields = MODELS[REGISTRY.name][name].model_fields
    common = {*RegistryEvent.model_fields, "event_type"}
    own = {field: one.is_required() for field, one in fields.items() if field not in common}
    told = {field.strip("`"): required == "yes" for field, required, _ in rows_of(section(name), "field")}
    assert told == own


def test_every_event_has_its_identity() -> None:
    assert [row[0].strip("`") for row in rows_of(PAGE, "event")] == NAMES
    for name, _, identity, *_ in ((row[0].strip("`"), *row) for row in rows_of(PAGE, "event")):
        for word in re.findall(r"`(\w+)`", identity):
            assert word in MODELS[REGISTRY.name][name].model_fields


def test_every_word_that_a_field_may_hold_is_named() -> None:
    literals = [
        value
        for model in MODELS[REGISTRY.name].values()
        for name in ("kind", "base", "paid_by", "outcome")
        if name in model.model_fields
        for value in get_args(model.model_fields[name].annotation)
    ]
    assert len(literals) == 11
    assert [word for word in [*literals, *RESERVED_ROLES] if f"`{word}`" not in PAGE] == []


def plan(**changed: Any) -> Plan:
    return replace(Plan("pl_5", 1, "open", 100_000, "goods_paid", parse_rfc3339("2026-10-01T00:00:00Z")), **changed)


def test_the_plans_are_chosen_in_the_order_of_the_list() -> None:
    told = re.findall(r"^   [1-6]\. (.*)$", section("Which plan prices a credit"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", told[0]) == list(KINDS)
    words = ("kind", "names products", "names categories", "names a campaign", "higher `rate_ppm`", "smaller `plan_id`")
    assert [word in one for word, one in zip(words, told, strict=True)] == [True] * 6
    winners = [
        plan(kind="activity"), plan(product_ids=frozenset({"p_5"})), plan(category_ids=frozenset({"cat_1"})),
        plan(campaign_id="c_1"), plan(rate_ppm=200_000), plan(plan_id="pl_1"), plan(),
    ]  # fmt: skip
    assert all(better.specificity < worse.specificity for better, worse in pairwise(winners))


def reference(*bodies: dict[str, Any]) -> Reference:
    found = Reference()
    found.plans.put(plan_of(one) for one in bodies if one["event_type"] == "plan.published")
    found.relations.put(relation_of(one) for one in bodies if one["event_type"] == "relation.set")
    return found


ORDER = Fact(paid_at=parse_rfc3339("2026-11-11T09:00:00Z"), brand_id="br_2", goods_paid_minor=20_000)
"""200.00 paid for the goods in November, credited to the KOC of the page."""


def worth(line: Fact, known: Reference) -> Position:
    return price(line, terms_of(line, known).terms, 0, cancelled=False)


def money(amount_minor: int) -> str:
    return decimal_text(amount_minor, "CNY")


def test_the_worked_order_is_what_the_books_would_say(bodies: dict[str, dict[str, Any]]) -> None:
    known = reference(*bodies.values())
    (terms,) = terms_of(ORDER, known).terms
    commission = share(20_000, terms.rate_ppm)
    steps, holds = split(terms, 20_000, commission)
    left, computed = commission, [["200.00", money(commission), money(commission)]]
    for step in steps:
        left -= step.amount_minor
        computed.append([money(step.whole_minor), money(step.amount_minor), money(left)])
    assert [row[1:] for row in rows_of(section("Splits, on one order"), "step")] == computed
    assert holds["koc"] == left
    assert worth(ORDER, known) == {
        chart.brand_accrued("br_2"): 4_000, chart.FEE_DEFERRED: -400, chart.pending("mcn", "m_1"): -720,
        chart.pending("recruiter", "r_1"): -360, chart.pending("koc", "k_7"): -2_520,
    }  # fmt: skip


def test_a_service_fee_of_the_base_is_what_the_page_says(bodies: dict[str, dict[str, Any]]) -> None:
    known = reference(*bodies.values())
    standing = plan_of(bodies["r1"])
    known.plans.put([replace(standing, splits=(*standing.splits[:2], Split("recruiter", "base", 20_000)))])
    position = worth(ORDER, known)
    said = section("Splits, on one order").replace("\n", " ")
    told = re.search(r"recruiter would get ([\d.]+).*KOC would keep ([\d.]+), and the brand would pay ([\d.]+)\.", said)
    assert told is not None
    assert told.groups() == tuple(
        money(abs(position[account]))
        for account in (
            chart.pending("recruiter", "r_1"),
            chart.pending("koc", "k_7"),
            chart.brand_accrued("br_2"),
        )
    )


def test_a_relation_that_names_the_recruiter_alone_takes_the_agencys_share(bodies: dict[str, dict[str, Any]]) -> None:
    alone = bodies["r3"] | {"parties": {"recruiter": "r_1"}}
    position = worth(ORDER, reference(bodies["r1"], bodies["r2"], alone))
    assert chart.pending("mcn", "m_1") not in position
    before = replace(ORDER, paid_at=parse_rfc3339("2026-10-31T09:00:00Z"))
    assert chart.pending("mcn", "m_1") in worth(before, reference(bodies["r1"], bodies["r2"], alone))


def test_f15_cliff_where_nothing_was_paid_the_base_is_nothing() -> None:
    for paid, discount, base, commission in rows_of(section("Bases"), "paid for the goods"):
        cents = [int(cell.replace(".", "")) for cell in (paid, discount)]
        line = replace(ORDER, goods_paid_minor=cents[0], platform_discount_minor=cents[1])
        found = remaining_base(line, "before_platform_discount", 0)
        assert [money(found), money(share(found, 250_000))] == [base, commission]


def test_a_script_fee_and_spend_move_what_the_page_says(bodies: dict[str, dict[str, Any]]) -> None:
    content, spend = content_of(bodies["r4"]), spend_of(bodies["r6"])
    assert script_fee_worth(None, accepted=True, cancelled=False) is None
    assert script_fee_worth(content, accepted=False, cancelled=False) == FeeWorth({}, "br_2", "CNY")
    assert script_fee_worth(content, accepted=True, cancelled=True) == FeeWorth({}, "br_2", "CNY")
    assert script_fee_worth(content, accepted=True, cancelled=False) == FeeWorth({"koc:k_7": 30_000}, "br_2", "CNY")
    prepaid = {chart.traffic_prepaid("douyin"): -100_000}
    moved = {
        "brand": {},
        "platform": {chart.TRAFFIC_EXPENSE: 100_000, **prepaid},
        "koc": {chart.clawback("koc:k_7"): 100_000, **prepaid},
    }
    told = [row[0].strip("`") for row in rows_of(section("spend.reported"), "`paid_by`")]
    assert told == list(moved) == list(get_args(SpendReported.model_fields["paid_by"].annotation))
    for paid_by, legs in moved.items():
        assert spend_target(replace(spend, paid_by=paid_by), content) == legs
        assert spend_target(replace(spend, paid_by=paid_by), None) == {}


def test_all_of_the_pages_models_are_messages_of_the_registry() -> None:
    assert all(issubclass(model, Message) for model in MODELS[REGISTRY.name].values())
    assert re.findall(r"^## ([a-z_]+\.[a-z_]+)$", PAGE, re.MULTILINE) == NAMES
