"""Which plan prices a credit: versions by paid time, scopes, and the most specific match."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from services.settlement.domain.lines.assertions import AssertedCredit, LineAssertion

KINDS = ("exclusive", "targeted", "activity", "open")
"""Plan kinds, most specific first."""
DEFAULT_ZONE_MINUTES = 480
"""Where the months of a plan's tiers begin, unless it says otherwise: Shanghai, as our own periods."""


class Split(NamedTuple):
    """A role's share of the commission, of the remaining base, or of what another role holds."""

    role: str
    of: str
    share_ppm: int


class Tier(NamedTuple):
    """A rate from a sum of a month's sales on."""

    from_minor: int
    rate_ppm: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a commission plan. A scope field that is None matches all; times are [from, to) of paid_at.

    `tiers` ascend; below the first, `rate_ppm` holds. Their months begin at midnight of `zone_minutes` east of UTC.
    """

    plan_id: str
    version: int
    kind: str
    rate_ppm: int
    base: str
    effective_from: int
    effective_to: int | None = None
    paid_traffic_rate_ppm: int | None = None
    splits: tuple[Split, ...] = ()
    brand_id: str | None = None
    product_ids: frozenset[str] | None = None
    category_ids: frozenset[str] | None = None
    koc_ids: frozenset[str] | None = None
    campaign_id: str | None = None
    platforms: frozenset[str] | None = None
    currency: str | None = None
    return_window_days: int | None = None
    tiers: tuple[Tier, ...] = ()
    bonus_minor: int = 0
    zone_minutes: int = DEFAULT_ZONE_MINUTES
    auto_receive_days: int | None = None

    @property
    def name(self) -> str:
        """Its identity as the registry has it."""
        return f"{self.plan_id}|{self.version}"

    def covers(self, paid_at: int) -> bool:
        """Whether an order paid then falls into its time."""
        return self.effective_from <= paid_at and (self.effective_to is None or paid_at < self.effective_to)

    def matches(self, line: LineAssertion, credit: AssertedCredit) -> bool:
        """Whether all its scope fields match this credit of this line."""
        return (
            (self.brand_id is None or self.brand_id == line.brand_id)
            and (self.product_ids is None or line.product_id in self.product_ids)
            and (self.category_ids is None or line.category_id in self.category_ids)
            and (self.koc_ids is None or credit.koc_id in self.koc_ids)
            and (self.campaign_id is None or self.campaign_id == credit.campaign_id)
            and (self.platforms is None or line.platform in self.platforms)
            and (self.currency is None or self.currency == line.currency)
        )

    @property
    def specificity(self) -> tuple[int, bool, bool, bool, int, str]:
        """Sorts the plan that wins first."""
        return (
            KINDS.index(self.kind),
            self.product_ids is None,
            self.category_ids is None,
            self.campaign_id is None,
            -self.rate_ppm,
            self.plan_id,
        )


class Plans:
    """All plan versions; finds the one that prices a credit.

    Which versions are in force changes only at effective times, so the versions in force are worked out once per
    brand and stretch of time between two of them, most specific first.
    """

    def __init__(self, plans: Iterable[Plan] = ()) -> None:
        self._versions: dict[str, dict[int, Plan]] = {}
        self._bounds: list[int] = []
        self._in_force: dict[tuple[str, int], tuple[Plan, ...]] = {}
        self.put(plans)

    def put(self, plans: Iterable[Plan]) -> None:
        """Add plan versions; one with the same plan_id and version takes the old one's place."""
        for plan in plans:
            self._versions.setdefault(plan.plan_id, {})[plan.version] = plan
        every = [plan for versions in self._versions.values() for plan in versions.values()]
        bounds = {plan.effective_from for plan in every}
        bounds |= {plan.effective_to for plan in every if plan.effective_to is not None}
        self._bounds = sorted(bounds)
        self._in_force = {}

    def get(self, plan_id: str, version: int) -> Plan | None:
        """The plan version as it stands."""
        return self._versions.get(plan_id, {}).get(version)

    def versions(self, plan_id: str) -> list[Plan]:
        """All versions of a plan."""
        return list(self._versions.get(plan_id, {}).values())

    def find(self, line: LineAssertion, credit: AssertedCredit) -> Plan | None:
        """The plan that prices a credit of a line; None where no plan does."""
        stretch = bisect_right(self._bounds, line.paid_at)
        candidates = self._in_force.get((line.brand_id, stretch))
        if candidates is None:
            candidates = self._in_force[line.brand_id, stretch] = self._at(line.brand_id, line.paid_at)
        for plan in candidates:
            if plan.matches(line, credit):
                return plan
        return None

    def _at(self, brand_id: str, paid_at: int) -> tuple[Plan, ...]:
        in_force = []
        for versions in self._versions.values():
            covering = [version for version, plan in versions.items() if plan.covers(paid_at)]
            if covering:
                plan = versions[max(covering)]
                if plan.brand_id in (None, brand_id):
                    in_force.append(plan)
        return tuple(sorted(in_force, key=lambda plan: plan.specificity))
