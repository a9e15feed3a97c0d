"""What a run settles of a line: tiers, bonus and budget, decided once."""

from collections.abc import Iterable
from typing import Any

import pytest

from services.kernel.money import credit_rank
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.terms import NO_GRANTS, Grant, LineGrants
from services.settlement.domain.lines.worth import worth_of
from services.settlement.domain.pricing.plans import Plan, Split, Tier
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.candidates import Candidate
from services.settlement.domain.settling.granting import (
    Allowances,
    LineSettlement,
    charged_for_grants,
    settle_line,
)
from services.settlement.domain.settling.place import owed_of
from services.settlement.domain.settling.tiers import TierCounter
from tests.kit.settlement_facts import BOTH, PAID_AT, Fact, FactCredit, plan, reference, usual

C_1 = BudgetKey("c_1", "CNY")
NOVEMBER = TierCounter("pl_1", "k_7", "2026-11", "CNY")
CREDIT = FactCredit(campaign_id="c_1")
NAME = "v_93|k_7|c_1|natural"
ON_TOP = plan(splits=(Split("recruiter", "base", 50_000),))
"""20 % for the KOC and 5 % on top: the brand is charged a quarter."""


def candidate(fact: Fact, *plans: Plan, settled: dict[str, int] | None = None,
              grants: LineGrants = NO_GRANTS) -> Candidate:  # fmt: skip
    key = (fact.order_id, fact.line_id, fact.buyer_id)
    line = Line(key, 3, fact.paid_at, fact.currency, fact.brand_id, settled=settled or {}, grants=grants)
    known = reference(*plans, BOTH) if plans else usual()
    return Candidate(line, fact, worth_of(fact, known, grants), PAID_AT)


def settle(allowances: Allowances, fact: Fact, *plans: Plan, **line: Any) -> LineSettlement:
    found = settle_line(candidate(fact, *plans, **line), allowances)
    assert found is not None
    return found


def in_rank_order(fact: Fact, names: Iterable[str]) -> list[str]:
    """Contents of KOC k_7 without a campaign, in the order in which a run takes them."""
    return sorted(names, key=lambda name: credit_rank(fact.order_id, fact.line_id, name, "k_7", None, "natural"))


def test_a_plain_line_is_settled_at_its_worth_and_takes_nothing() -> None:
    allowances = Allowances()
    found = settle(allowances, Fact())
    assert found.settled == {"koc:k_7": 2520, "mcn:m_1": 720, "recruiter:r_1": 360, "platform": 400}
    (part,) = found.parts
    assert part == ("v_93", "k_7", "pl_1|1", 20_000, 4_000, found.settled)
    assert (found.grants, found.charged, found.slot) == (NO_GRANTS, {}, None)
    assert allowances == Allowances()


def test_nothing_is_settled_where_nothing_is_owed_above_what_is_settled() -> None:
    settled = {"koc:k_7": 2520, "mcn:m_1": 720, "recruiter:r_1": 360, "platform": 400}
    for fact in (Fact(), Fact().refunded(5_000), Fact(status="cancelled"), Fact(credits=())):
        assert settle_line(candidate(fact, settled=settled), Allowances()) is None


def test_what_is_settled_is_never_lowered() -> None:
    found = settle(Allowances(), Fact(), settled={"koc:k_7": 3000, "mcn:m_1": 500, "koc:k_8": 7})
    assert found.settled == {"koc:k_7": 3000, "mcn:m_1": 720, "recruiter:r_1": 360, "platform": 400, "koc:k_8": 7}
    assert found.parts[0].amounts["koc:k_7"] == 2520, "a part says what the credit is worth, not what is settled"


def test_the_parts_of_a_line_are_its_price_by_credit() -> None:
    fact = Fact(goods_paid_minor=10_001, credits=tuple(FactCredit(f"v_{i}", weight_ppm=w) for i, w in
                enumerate((500_000, 300_000, 200_000))))  # fmt: skip
    one = candidate(fact)
    found = settle_line(one, Allowances())
    assert found is not None
    assert [part.base_minor for part in found.parts] == [5_001, 3_000, 2_000]
    assert [part.commission_minor for part in found.parts] == [1_000, 600, 400]
    assert found.settled == owed_of(one.worth.target)


# Tiers

TIERED = plan(splits=(), tiers=(Tier(30_000, 300_000),))


def test_tiers_count_the_base_and_grant_its_commission() -> None:
    allowances = Allowances(counted={NOVEMBER: 15_000})
    found = settle(allowances, Fact(credits=(CREDIT,)), TIERED)
    assert found.grants == LineGrants({NAME: Grant(20_000, 4_500, 1, 1)}, 0)  # 15,000 at 20 %, 5,000 at 30 %
    assert found.settled == {"koc:k_7": 4_500}
    assert allowances.counted == {NOVEMBER: 35_000}


def test_a_granted_credit_neither_counts_again_nor_changes_its_rate() -> None:
    grants = LineGrants({NAME: Grant(20_000, 4_500, 1, 1)}, 0)
    allowances = Allowances(counted={NOVEMBER: 10**9})
    half = Fact(credits=(CREDIT,)).refunded(10_000)
    found = settle(allowances, half, TIERED, grants=grants, settled={"koc:k_7": 2_000})
    assert found.settled == {"koc:k_7": 2_250}
    assert (found.grants, allowances.counted) == (grants, {NOVEMBER: 10**9})


def test_credits_of_one_koc_fill_the_tiers_in_the_order_of_their_ranks() -> None:
    fact = Fact(credits=tuple(FactCredit(f"v_{i}", campaign_id=None, weight_ppm=250_000) for i in range(4)))
    found = settle(Allowances(counted={NOVEMBER: 20_000}), fact, TIERED)
    ranked = in_rank_order(fact, ["v_0", "v_1", "v_2", "v_3"])
    commissions = {part.content_id: part.commission_minor for part in found.parts}
    assert [commissions[name] for name in ranked] == [1_000, 1_000, 1_500, 1_500]


def test_a_credit_without_base_gets_no_grant_yet() -> None:
    fact = Fact(goods_paid_minor=1, credits=(CREDIT, FactCredit("v_2", weight_ppm=1)))
    one_unit = plan(rate_ppm=1_000_000, splits=(), tiers=(Tier(5, 0),))
    assert set(settle(Allowances(), fact, one_unit).grants.credits) == {NAME}


def test_the_rate_of_paid_traffic_has_no_tiers_and_does_not_count() -> None:
    allowances = Allowances(counted={NOVEMBER: 10**9})
    fact = Fact(credits=(FactCredit(traffic="paid", campaign_id="c_1"),))
    found = settle(allowances, fact, plan(splits=(), tiers=TIERED.tiers, paid_traffic_rate_ppm=50_000))
    assert (found.settled, found.grants) == ({"koc:k_7": 1_000}, NO_GRANTS)
    assert allowances.counted == {NOVEMBER: 10**9}


# Bonus

BONUS = plan(splits=(Split("platform", "commission", 100_000),), bonus_minor=1_000)
NEW = Fact(new_customer=True)


def test_a_bonus_is_added_to_the_commission_once_for_brand_and_buyer() -> None:
    allowances = Allowances()
    first = settle(allowances, NEW, BONUS)
    assert (first.settled, first.slot) == ({"koc:k_7": 4_500, "platform": 500}, ("br_2", "b_1"))
    assert first.grants == LineGrants({}, 1_000)
    second = settle(allowances, NEW.but(order_id="o_2"), BONUS)
    assert (second.settled, second.slot, second.grants) == ({"koc:k_7": 3_600, "platform": 400}, None, NO_GRANTS)
    other = settle(allowances, NEW.but(buyer_id="b_2"), BONUS)
    assert other.slot == ("br_2", "b_2")


@pytest.mark.parametrize("fact", [Fact(), NEW.but(brand_id="br_3")])
def test_no_bonus_for_a_known_customer_or_without_a_plan_that_pays_one(fact: Fact) -> None:
    found = settle(Allowances(), fact, BONUS, plan("pl_2", brand_id="br_3", splits=()))
    assert (found.slot, found.grants) == (None, NO_GRANTS)


def test_the_bonus_is_on_the_greatest_credit_and_its_plan_alone_decides() -> None:
    small, great = FactCredit("v_1", "k_1", weight_ppm=400_000), FactCredit("v_2", "k_2", weight_ppm=600_000)
    pays = plan("pl_1", splits=(), koc_ids=frozenset({"k_1"}), bonus_minor=1_000)
    pays_not = plan("pl_2", splits=(), koc_ids=frozenset({"k_2"}))
    fact = NEW.but(credits=(small, great))
    assert settle(Allowances(), fact, pays, pays_not).settled == {"koc:k_1": 1_600, "koc:k_2": 2_400}
    fact = NEW.but(credits=(FactCredit("v_1", "k_1", weight_ppm=600_000), FactCredit("v_2", "k_2", weight_ppm=400_000)))
    assert settle(Allowances(), fact, pays, pays_not).settled == {"koc:k_1": 3_400, "koc:k_2": 1_600}


def test_of_equal_credits_the_first_by_rank_has_the_bonus() -> None:
    fact = NEW.but(credits=tuple(FactCredit(f"v_{i}", campaign_id=None, weight_ppm=250_000) for i in range(4)))
    found = settle(Allowances(), fact, BONUS)
    first, *_ = in_rank_order(fact, ["v_0", "v_1", "v_2", "v_3"])
    assert {part.content_id for part in found.parts if part.commission_minor == 2_000} == {first}


def test_a_line_has_one_bonus_for_good() -> None:
    found = settle(Allowances(), NEW, BONUS, grants=LineGrants({}, 700), settled={"koc:k_7": 1})
    assert (found.settled["koc:k_7"], found.grants, found.slot) == (4_230, LineGrants({}, 700), None)


# Budgets


def test_a_budget_grants_what_it_holds_and_clamps_the_line_that_it_does_not() -> None:
    """G10: 120.00; lines of 50.00 each, the third gets 20.00."""
    allowances = Allowances(budgets={C_1: 12_000})
    facts = [Fact(order_id=f"o_{n}", credits=(CREDIT,)) for n in range(1, 4)]
    found = [settle(allowances, fact, ON_TOP) for fact in facts]
    whole = {"koc:k_7": 4_000, "recruiter:r_1": 1_000}
    assert [one.settled for one in found] == [whole, whole, {"koc:k_7": 1_600, "recruiter:r_1": 400}]
    assert [one.charged for one in found] == [{C_1: 5_000}, {C_1: 5_000}, {C_1: 2_000}]
    assert found[2].grants == LineGrants({NAME: Grant(20_000, 4_000, 2_000, 5_000)}, 0)
    assert allowances.budgets == {C_1: 0}


def test_an_empty_budget_settles_nothing_for_good() -> None:
    allowances = Allowances(budgets={C_1: -3})
    found = settle(allowances, Fact(credits=(CREDIT,)), ON_TOP)
    assert (found.settled, found.charged) == ({}, {C_1: 0})
    assert found.grants.credits[NAME] == Grant(20_000, 4_000, 0, 5_000)
    assert allowances.budgets == {C_1: -3}
    again = candidate(Fact(credits=(CREDIT,)), ON_TOP, grants=found.grants)
    assert settle_line(again, Allowances(budgets={C_1: 10**9})) is None, "what a clamp cuts is final"


def test_budgets_are_by_currency_and_campaign() -> None:
    allowances = Allowances(budgets={BudgetKey("c_1", "JPY"): 0, BudgetKey("c_2", "CNY"): 0})
    assert settle(allowances, Fact(credits=(CREDIT,)), ON_TOP).grants == NO_GRANTS


def test_each_credit_takes_of_its_own_campaigns_budget() -> None:
    other = FactCredit("v_2", campaign_id="c_2", weight_ppm=500_000)
    fact = Fact(credits=(FactCredit(campaign_id="c_1", weight_ppm=500_000), other))
    allowances = Allowances(budgets={C_1: 1_000, BudgetKey("c_2", "CNY"): 9_000})
    found = settle(allowances, fact, ON_TOP)
    assert found.charged == {C_1: 1_000, BudgetKey("c_2", "CNY"): 2_500}
    assert [part.charged_minor for part in found.parts] == [1_000, 2_500]


def test_a_clamp_never_takes_more_than_is_left() -> None:
    allowances = Allowances(budgets={C_1: 999})
    found = settle(allowances, Fact(goods_paid_minor=19_997, credits=(CREDIT,)), ON_TOP)
    # commission floor(3,999 x 999 / 4,998) = 799; on top floor(999 x 999 / 4,998) = 199
    assert found.settled == {"koc:k_7": 799, "recruiter:r_1": 199}
    assert (found.charged, allowances.budgets) == ({C_1: 998}, {C_1: 1})


def test_a_bonus_is_whole_or_not_at_all_and_leaves_its_slot_free() -> None:
    bonus = plan(splits=(), bonus_minor=1_000)
    fact = NEW.but(credits=(CREDIT,))
    for left, settled, slot in ((5_000, 5_000, ("br_2", "b_1")), (4_999, 4_000, None), (3_000, 3_000, None)):
        allowances = Allowances(budgets={C_1: left})
        found = settle(allowances, fact, bonus)
        assert (found.settled, found.slot) == ({"koc:k_7": settled}, slot)
        assert allowances.slots == ({slot} if slot else set())
        assert allowances.budgets == {C_1: left - settled}
    later = candidate(fact, bonus, grants=LineGrants({NAME: Grant(20_000, 4_000, 1, 1)}, 0), settled={"koc:k_7": 1})
    found_later = settle_line(later, Allowances(budgets={C_1: 10**6}))
    assert found_later is not None
    assert found_later.slot is None, "a credit that has a grant is not decided again"


@pytest.mark.parametrize(
    ("left", "koc_7", "charged"),
    [
        (5_000, 5_000, 5_000),
        (3_000, 3_000, 3_000),  # 1,000 of it is the bonus: commission 4,000 x 2,000 / 4,000
        (1_000, 1_000, 1_000),
        (999, 1_000, 1_000),  # over the limit by what was granted before
        (-5, 1_000, 1_000),
    ],
)
def test_a_bonus_that_a_late_touch_moves_is_not_cut_but_all_else_is(left: int, koc_7: int, charged: int) -> None:
    fact = NEW.but(credits=(CREDIT,))
    allowances = Allowances(budgets={C_1: left})
    found = settle(allowances, fact, plan(splits=()), grants=LineGrants({}, 1_000), settled={"koc:k_8": 5_000})
    assert (found.settled["koc:k_7"], found.charged) == (koc_7, {C_1: charged})
    assert allowances.budgets == {C_1: left - charged}


def test_a_moved_bonus_alone_leaves_nothing_to_clamp() -> None:
    nothing_else = plan(rate_ppm=0, splits=())
    found = settle(Allowances(budgets={C_1: 10}), NEW.but(credits=(CREDIT,)), nothing_else,
                   grants=LineGrants({}, 1_000))  # fmt: skip
    assert found.settled == {"koc:k_7": 1_000}
    assert found.grants.credits[NAME] == Grant(20_000, 0, 1, 1)


def test_a_budgeted_credit_with_tiers_counts_its_whole_base() -> None:
    allowances = Allowances(budgets={C_1: 1_000})
    found = settle(allowances, Fact(credits=(CREDIT,)), TIERED)
    assert found.grants.credits[NAME] == Grant(20_000, 4_000, 1_000, 4_000)
    assert allowances.counted == {NOVEMBER: 20_000}


def test_a_budget_is_trued_up_by_what_granted_credits_are_worth_now() -> None:
    grants = LineGrants({NAME: Grant(20_000, 4_000, 2_000, 5_000)}, 0)
    fact = Fact(credits=(CREDIT,))
    assert charged_for_grants(candidate(fact, ON_TOP, grants=grants)) == {C_1: 2_000}
    assert charged_for_grants(candidate(fact.refunded(10_000), ON_TOP, grants=grants)) == {C_1: 1_000}
    assert charged_for_grants(candidate(fact.but(status="cancelled"), ON_TOP, grants=grants)) == {C_1: 0}
    assert charged_for_grants(candidate(fact.but(credits=(FactCredit("v_9"),)), ON_TOP, grants=grants)) == {}
