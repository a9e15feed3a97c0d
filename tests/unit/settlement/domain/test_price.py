"""What a line is worth to everyone (docs/settlement.md, The price)."""

import json
from pathlib import Path

import pytest

from services.kernel.money import allocate
from services.settlement.domain.book import chart
from services.settlement.domain.pricing.plans import Plan, Plans, Split
from services.settlement.domain.pricing.price import NO_PLAN, price, terms_of
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.pricing.relations import Relation, Relations
from tests.kit.settlement_facts import BOTH, DAY, PAID_AT, Fact, FactCredit, plan, reference, usual

GOLDEN = json.loads((Path(__file__).parents[3] / "data/golden.json").read_text())


def priced(fact: Fact, known: Reference, **at: object) -> dict[str, int]:
    refunded = int(at.get("refunded", fact.refunded_minor))  # type: ignore[call-overload]
    return price(fact, terms_of(fact, known).terms, refunded, cancelled=bool(at.get("cancelled", False)))


def test_the_worked_example_of_the_page() -> None:
    assert priced(Fact(), usual()) == {
        "brand:br_2:accrued": 4000,
        "platform:fee_deferred": -400,
        "mcn:m_1:pending": -720,
        "recruiter:r_1:pending": -360,
        "koc:k_7:pending": -2520,
    }


def test_a_role_that_nobody_fills_takes_nothing() -> None:
    assert priced(Fact(), reference(plan(), Relation("k_7", {"recruiter": "r_1"}, 0))) == {
        "brand:br_2:accrued": 4000,
        "platform:fee_deferred": -400,
        "recruiter:r_1:pending": -450,
        "koc:k_7:pending": -3150,
    }


def test_a_share_of_the_base_comes_on_top_and_is_charged_to_the_brand() -> None:
    splits = (Split("recruiter", "base", 10_000), Split("platform", "recruiter", 500_000))
    assert priced(Fact(), reference(plan(splits=splits), BOTH)) == {
        "brand:br_2:accrued": 4200,
        "platform:fee_deferred": -100,
        "recruiter:r_1:pending": -100,
        "koc:k_7:pending": -4000,
    }


def test_shares_of_the_commission_never_take_more_than_the_koc_still_holds() -> None:
    splits = (Split("mcn", "commission", 700_000), Split("recruiter", "commission", 700_000))
    assert priced(Fact(), reference(plan(splits=splits), BOTH)) == {
        "brand:br_2:accrued": 4000,
        "mcn:m_1:pending": -2800,
        "recruiter:r_1:pending": -1200,
    }


def test_paid_traffic_has_its_own_rate_where_the_plan_gives_one() -> None:
    paid = Fact(credits=(FactCredit(traffic="paid"),))
    boosted = Fact(credits=(FactCredit(traffic="boosted"),))
    known = reference(plan(splits=(), paid_traffic_rate_ppm=50_000))
    assert priced(paid, known)["koc:k_7:pending"] == -1000
    assert priced(boosted, known)["koc:k_7:pending"] == -4000
    assert priced(paid, reference(plan(splits=(), paid_traffic_rate_ppm=0))) == {}
    assert priced(paid, reference(plan(splits=())))["koc:k_7:pending"] == -4000


def test_the_base_may_include_what_the_platform_discounted_and_shrinks_with_refunds() -> None:
    fact = Fact(goods_paid_minor=999, platform_discount_minor=100, refunded_minor=333)
    known = reference(plan(base="before_platform_discount", rate_ppm=1_000_000, splits=()))
    assert priced(fact, known) == {"brand:br_2:accrued": 1099 * 666 // 999, "koc:k_7:pending": -(1099 * 666 // 999)}


def test_nothing_is_owed_when_cancelled_fully_refunded_or_nothing_was_paid() -> None:
    assert priced(Fact(), usual(), cancelled=True) == {}
    assert priced(Fact(), usual(), refunded=20_000) == {}
    assert priced(Fact(goods_paid_minor=0, platform_discount_minor=500), usual()) == {}
    assert priced(Fact(credits=()), usual()) == {}


def test_credits_share_the_base_by_largest_remainder_and_each_is_priced_by_its_own_plan() -> None:
    fact = Fact(
        goods_paid_minor=101,
        credits=(FactCredit("v_1", "k_1", weight_ppm=333_334), FactCredit("v_2", "k_2", weight_ppm=666_666)),
    )
    known = reference(
        plan("a", kind="targeted", koc_ids=frozenset({"k_1"}), rate_ppm=1_000_000, splits=()),
        plan("b", rate_ppm=500_000, splits=()),
    )
    assert priced(fact, known) == {"brand:br_2:accrued": 67, "koc:k_1:pending": -34, "koc:k_2:pending": -33}


def test_a_part_without_a_plan_is_named_with_its_amount() -> None:
    fact = Fact(credits=(FactCredit("v_1", "k_1", weight_ppm=250_000), FactCredit("v_2", "k_2", weight_ppm=750_000)))
    known = reference(plan(koc_ids=frozenset({"k_2"}), splits=()))
    found = terms_of(fact, known)
    assert (found.unpriced, found.unpriced_minor) == (NO_PLAN, 5000)
    assert priced(fact, known)["brand:br_2:accrued"] == 3000
    assert terms_of(fact, usual()).unpriced is None


@pytest.mark.parametrize(("amount", "ratios", "parts"), [v for v in GOLDEN["allocation_moneyphp"] if v[0] >= 0])
def test_allocation_agrees_with_published_vectors(amount: int, ratios: list[int], parts: list[int]) -> None:
    assert allocate(amount, ratios, lambda index: index) == parts


SPECIFIC = [
    plan("z", rate_ppm=1),
    plan("y", rate_ppm=2),
    plan("x", rate_ppm=2, splits=()),
    plan("d", campaign_id="c_1111"),
    plan("c", category_ids=frozenset({"cat_1"})),
    plan("b", product_ids=frozenset({"p_5"})),
    plan("a", kind="activity"),
    plan("m", kind="targeted"),
    plan("n", kind="exclusive"),
]


@pytest.mark.parametrize("last", range(1, len(SPECIFIC)))
def test_the_most_specific_plan_wins(last: int) -> None:
    """SPECIFIC is in ascending order, but for `y` and `x`, where the smaller plan_id wins."""
    found = Plans(reversed(SPECIFIC[: last + 1])).find(Fact(), FactCredit())
    assert found is SPECIFIC[last]


@pytest.mark.parametrize(
    "scope",
    [
        {"brand_id": "br_9"}, {"product_ids": frozenset({"p_9"})}, {"category_ids": frozenset({"cat_9"})},
        {"koc_ids": frozenset({"k_9"})}, {"campaign_id": "c_9"}, {"platforms": frozenset({"kuaishou"})},
        {"currency": "USD"}, {"effective_from": PAID_AT + 1}, {"effective_to": PAID_AT},
        {"product_ids": frozenset({"p_5"}), "category_ids": frozenset({"cat_9"})},
    ],
)  # fmt: skip
def test_a_plan_out_of_scope_prices_nothing(scope: dict[str, object]) -> None:
    assert Plans([plan(**scope)]).find(Fact(), FactCredit()) is None


def test_the_greatest_version_in_force_hides_lower_ones_even_where_it_does_not_match() -> None:
    old, new = plan(), plan(version=2, effective_from=PAID_AT, effective_to=PAID_AT + DAY, brand_id="br_9")
    plans = Plans([old, new])
    assert plans.find(Fact(), FactCredit()) is None
    assert plans.find(Fact(paid_at=PAID_AT - 1), FactCredit()) is old
    assert plans.find(Fact(paid_at=PAID_AT + DAY), FactCredit()) is old


def test_of_overlapping_relations_the_latest_stands() -> None:
    known = Relations([Relation("k", {"mcn": "old"}, 0), Relation("k", {"mcn": "new"}, 10, 20)])
    assert [known.parties("k", at).get("mcn") for at in (-1, 0, 9, 10, 19, 20)] == [
        None, "old", "old", "new", "new", "old",
    ]  # fmt: skip


def test_the_chart_of_accounts_does_not_contradict_itself() -> None:
    chart.validate_chart()
    assert chart._made("koc:a:b:pending")[1] == ("koc", "a:b", "pending")
    assert chart._made("platform:fee_deferred")[1] == ("platform", "", "fee_deferred")
    assert chart._made("clawback:koc:k:7")[1] == ("clawback", "koc:k:7", "owed")


def test_versions_of_a_plan_replace_each_other_by_identity() -> None:
    plans = Plans([plan(rate_ppm=1)])
    plans.put([plan(rate_ppm=2)])
    found = plans.find(Fact(), FactCredit())
    assert isinstance(found, Plan)
    assert found.rate_ppm == 2
