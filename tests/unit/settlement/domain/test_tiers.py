"""Tiers: slices of a month's sales, each at its own rate, floored once."""

import pytest

from services.kernel.time import parse_rfc3339
from services.settlement.domain.pricing.plans import Tier
from services.settlement.domain.pricing.price import CreditTerms
from services.settlement.domain.settling.tiers import TierCounter, counter_of, is_tiered, tiered_commission
from tests.kit.settlement_facts import FactCredit, plan

TIERED = plan(rate_ppm=100_000, tiers=(Tier(10_000, 150_000), Tier(30_000, 200_001)))


@pytest.mark.parametrize(
    ("counted", "base", "commission"),
    [
        (0, 10_000, 1_000),  # all below the first tier
        (0, 10_001, 1_000),  # 1 unit at 15 % is 0.15
        (9_999, 1, 0),
        (10_000, 7, 1),  # 1.05
        (0, 40_000, 6_000),  # 1,000 + 3,000 + 2,000.01
        (29_999, 2, 0),  # 0.15 + 0.200001: one floor over both slices
        (29_997, 4, 0),  # 0.45 + 0.200001
        (25_000, 10_000, 1_750),  # 750 + 1,000.005
        (1_000_000, 5, 1),
        (50_000, 0, 0),
    ],
)
def test_each_slice_has_its_own_rate_and_all_have_one_floor(counted: int, base: int, commission: int) -> None:
    assert tiered_commission(TIERED, counted, base) == commission


def test_a_tier_from_nothing_takes_the_place_of_the_plans_rate() -> None:
    assert tiered_commission(plan(rate_ppm=900_000, tiers=(Tier(0, 100_000),)), 0, 100) == 10


def test_a_month_begins_at_midnight_of_the_plans_zone() -> None:
    before, after = parse_rfc3339("2026-11-30T15:59:59.999999Z"), parse_rfc3339("2026-11-30T16:00:00Z")
    assert counter_of(plan(), "k_7", before, "CNY") == TierCounter("pl_1", "k_7", "2026-11", "CNY")
    assert counter_of(plan(), "k_7", after, "CNY").month == "2026-12"
    assert counter_of(plan(zone_minutes=-180), "k_7", after, "CNY").month == "2026-11"


@pytest.mark.parametrize(
    ("paid_rate", "traffic", "tiered"),
    [(None, "paid", True), (50_000, "paid", False), (50_000, "natural", True), (0, "paid", False)],
)
def test_a_credit_at_the_rate_of_paid_traffic_has_no_tiers(paid_rate: int | None, traffic: str, tiered: bool) -> None:
    terms = CreditTerms(FactCredit(traffic=traffic), plan(tiers=TIERED.tiers, paid_traffic_rate_ppm=paid_rate), 1, {})
    assert is_tiered(terms) is tiered
    assert not is_tiered(terms._replace(plan=plan()))
    assert not is_tiered(terms._replace(plan=None))
