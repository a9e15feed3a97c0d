"""Tiers: the more a KOC sells under a plan in a month, the higher the rate. Each slice of the month has its own rate.

The month's counter holds the base at each credit's first settlement and is never reduced. Credits with a plan's rate
for paid traffic have no tiers and do not count.
"""

from typing import NamedTuple

from services.kernel.money import MILLION
from services.settlement.domain.book.periods import period_of
from services.settlement.domain.pricing.plans import Plan
from services.settlement.domain.pricing.price import CreditTerms


class TierCounter(NamedTuple):
    """Whose sales are counted together: a KOC's under one plan, in a month (YYYY-MM) of paid times, in a currency."""

    plan_id: str
    koc_id: str
    month: str
    currency: str


def counter_of(plan: Plan, koc_id: str, paid_at: int, currency: str) -> TierCounter:
    """The counter of a sale paid at that time (microseconds); its month begins at midnight of the plan's zone."""
    return TierCounter(plan.plan_id, koc_id, period_of(paid_at, plan.zone_minutes, None), currency)


def is_tiered(terms: CreditTerms) -> bool:
    """Whether tiers decide a credit's rate."""
    plan = terms.plan
    if plan is None or not plan.tiers:
        return False
    return plan.paid_traffic_rate_ppm is None or terms.credit.traffic != "paid"


def tiered_commission(plan: Plan, counted_minor: int, base_minor: int) -> int:
    """The commission of a base that comes after what is counted: each slice at its own rate, floored once, at the end.

    A tier holds for [its from_minor, the next one's from_minor); below the first the plan's rate holds.
    """
    end = counted_minor + base_minor
    starts = [0, *[tier.from_minor for tier in plan.tiers]]
    rates = [plan.rate_ppm, *[tier.rate_ppm for tier in plan.tiers]]
    whole = 0
    for start, stop, rate_ppm in zip(starts, [*starts[1:], end], rates, strict=True):
        slice_minor = min(end, stop) - max(counted_minor, start)
        whole += max(0, slice_minor) * rate_ppm
    return whole // MILLION
