"""What a run settles, decided again: which lines are due, tiers, bonus and budgets in the order of the sales."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from services.kernel.time import DAY, month_of
from services.operations.audit.line_book import AuditedLine, LineBook
from services.operations.audit.line_facts import LineFacts
from services.operations.audit.places import is_more_owed, raised
from services.operations.audit.pricing import (
    LIMIT_MINOR,
    Amounts,
    GrantFacts,
    LineWorth,
    PricedCredit,
    credit_order,
    greatest_credit,
    owed_for,
)
from services.operations.audit.registry_view import MILLION, RegistryView
from services.operations.audit.worths import Worths

CampaignBudget = tuple[str, str]
"""campaign_id, currency."""


class RunLineAgain(NamedTuple):
    """What a run settles of a line: S' and T, its grants and bonus, and its credits as they are priced then."""

    name: str
    line: AuditedLine
    settled: Amounts
    owed: Amounts
    grants: Mapping[str, GrantFacts]
    bonus_minor: int
    credits: tuple[PricedCredit, ...]


class _Due(NamedTuple):
    name: str
    line: AuditedLine
    facts: LineFacts
    worth: LineWorth


@dataclass(slots=True)
class RunMemory:
    """What runs leave to later ones.

    Attributes:
        counted: base by (plan_id, koc_id, month, currency).
        slots: (brand_id, buyer_id) whose bonus is taken.
        members: lines that were ever charged to a budget.
        committed: by budget, as booked.
    """

    counted: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    slots: set[tuple[str, str]] = field(default_factory=set)
    members: dict[CampaignBudget, set[AuditedLine]] = field(default_factory=dict)
    committed: Counter[CampaignBudget] = field(default_factory=Counter)


class RunPlanner:
    """Plans the lines of one run.

    Args:
        lines: as of the run's point.
        worths: prices them as of the point.
        memory: of earlier runs; this run's decisions are added.
        as_of: the run's moment, microseconds.
    """

    def __init__(self, lines: LineBook, worths: Worths, memory: RunMemory, as_of: int) -> None:
        self._lines, self._worths, self._memory, self._as_of = lines, worths, memory, as_of
        self._view: RegistryView = worths.view
        self._left: dict[CampaignBudget, int] = {}
        self.budgets_moved: dict[CampaignBudget, int] = {}

    def settled_lines(self) -> Iterator[RunLineAgain]:
        """All that the run settles, each to be applied when it comes; those that take from others come last."""
        self._true_up_budgets()
        undecided = []
        for due in self._due_lines():
            if any(self._is_to_decide(due, one) for one in due.worth.credits):
                if not _may_exceed_limit(due):
                    undecided.append(due)
            else:
                yield self._settled(due, due.worth.credits, due.line.grants, due.line.bonus_minor)
        undecided.sort(key=lambda due: (due.line.paid_at, *due.facts[:3]))
        yield from map(self._decide, undecided)

    def _due_lines(self) -> Iterator[_Due]:
        """Lines that stand, are complete, priced, received long enough ago, free of disputes and not yet settled."""
        view, as_of = self._view, self._as_of
        for name, line in self._lines:
            if not line.standing or line.frozen or not line.is_complete:
                continue
            if line.terms is not None and not is_more_owed(line.settled, line.owed):
                continue
            facts = line.facts
            if facts.received_at is None and not view.knows_auto_receive:
                continue
            if facts.received_at is not None and facts.received_at > as_of:
                continue
            if view.is_denied(facts.order_id, facts.line_id) or view.open.stops(facts):
                continue
            worth = self._worths.price(line, facts)
            if not worth.is_priced or not is_more_owed(line.settled, worth.owed):
                continue
            settle_at = settle_at_of(facts, worth, self._worths.view_of(line))
            if settle_at is not None and settle_at <= as_of:
                yield _Due(name, line, facts, worth)

    def _is_to_decide(self, due: _Due, one: PricedCredit) -> bool:
        if one.plan is None:
            return False
        has_bonus = due.facts.is_new_customer and not due.line.bonus_minor and one.plan.bonus_minor
        return bool(one.plan.tiers or has_bonus or self._budget_of(due.facts, one) in self._left)

    def _budget_of(self, facts: LineFacts, one: PricedCredit) -> CampaignBudget | None:
        campaign_id = one.credit.campaign_id
        return None if campaign_id is None else (campaign_id, facts.currency)

    def _decide(self, due: _Due) -> RunLineAgain:
        """Decide the credits that have a plan, a base and no grant, in their order."""
        facts, priced = due.facts, list(due.worth.credits)
        grants, bonus_minor = dict(due.line.grants), due.line.bonus_minor
        greatest = greatest_credit(facts)
        charged: Counter[CampaignBudget] = Counter()
        for index in sorted(range(len(priced)), key=lambda i: credit_order(facts, facts.credits[i])):
            one = priced[index]
            if one.plan is None or one.grant is not None or not one.base_minor:
                continue
            budget = self._budget_of(facts, one)
            left = None if budget is None else self._left.get(budget)
            # tiers
            if left is not None or one.is_tiered:
                one = one._replace(grant=(one.base_minor, self._commission(due, one), 1, 1))
            # bonus: whole or not at all
            if index == greatest and not due.line.bonus_minor:
                one = self._with_bonus(facts, one, left)
                bonus_minor = bonus_minor or one.bonus_minor
            # budget
            if left is not None and budget is not None:
                one = self._clamped(one, left)
                charged[budget] += one.charged()
                self._left[budget] = left - one.charged()
            if one.grant is not None:
                grants[one.credit.name] = one.grant
            priced[index] = one
        self._charge(due.line, charged)
        return self._settled(due, tuple(priced), grants, bonus_minor)

    def _commission(self, due: _Due, one: PricedCredit) -> int:
        """By the slices of the month's sales, which then grow; or by the rate."""
        plan, base = one.plan, one.base_minor
        if plan is None or not one.is_tiered:
            return base * one.rate_ppm // MILLION
        month = month_of(due.line.paid_at, plan.zone_minutes)
        counter = plan.said.plan_id, one.credit.koc_id, month, due.facts.currency
        begin = self._memory.counted[counter]
        self._memory.counted[counter] = end = begin + base
        floors = [(0, plan.said.rate_ppm), *plan.tiers]
        ceilings = [*(start for start, _ in plan.tiers), end]
        slices = zip(floors, ceilings, strict=True)
        return int(sum(max(0, min(end, top) - max(begin, start)) * rate for (start, rate), top in slices) // MILLION)

    def _with_bonus(self, facts: LineFacts, one: PricedCredit, left: int | None) -> PricedCredit:
        bonus = one.plan.bonus_minor if one.plan and facts.is_new_customer else 0
        slot = facts.brand_id, facts.buyer_id
        with_bonus = one._replace(bonus_minor=bonus)
        if not bonus or slot in self._memory.slots or (left is not None and with_bonus.charged() > left):
            return one
        self._memory.slots.add(slot)
        return with_bonus

    def _clamped(self, one: PricedCredit, left: int) -> PricedCredit:
        """Cut to what is left, but for a bonus: that is whole, also where it came to this credit from another one."""
        wanted, bonus = one.charged(), one.bonus_minor
        if one.grant is None or wanted <= max(left, bonus):
            return one
        return one._replace(grant=(*one.grant[:2], max(0, left - bonus), wanted - bonus))

    def _settled(
        self, due: _Due, priced: tuple[PricedCredit, ...], grants: Mapping[str, GrantFacts], bonus_minor: int
    ) -> RunLineAgain:
        owed = owed_for(priced)
        return RunLineAgain(due.name, due.line, raised(due.line.settled, owed), owed, grants, bonus_minor, priced)

    # budgets

    def _true_up_budgets(self) -> None:
        """What is left of each budget, after what its granted credits are worth at the point."""
        for event in self._view.standing("campaign.budget_set").values():
            budget = event.campaign_id, event.currency
            members = self._memory.members.setdefault(budget, set())
            worth = sum(self._worths.charged(line, budget) for line in members)
            self._left[budget] = event.amount_minor - worth
            self.budgets_moved[budget] = worth - self._memory.committed[budget]
        for budget, moved in self.budgets_moved.items():
            self._memory.committed[budget] += moved

    def _charge(self, line: AuditedLine, charged: Counter[CampaignBudget]) -> None:
        for budget, minor in charged.items():
            self.budgets_moved[budget] += minor
            self._memory.committed[budget] += minor
            self._memory.members[budget].add(line)


def _may_exceed_limit(due: _Due) -> bool:
    """Whether any grant could lift an amount over the limit: all of the base as commission, and again for each share
    of the base, with the bonus that the line has and the greatest that it may get."""
    facts, priced = due.facts, due.worth.credits
    plans = [one.plan for one in priced if one.plan is not None]
    bonus = sum(one.bonus_minor for one in priced) + max((plan.bonus_minor for plan in plans), default=0)
    shares = [sum(split.of == "base" for split in plan.said.splits or ()) for plan in plans]
    base = facts.goods_minor + facts.discount_minor + len(priced) + bonus
    return base * (1 + max(shares, default=0)) > LIMIT_MINOR


def settle_at_of(facts: LineFacts, worth: LineWorth, view: RegistryView) -> int | None:
    """From when on a line may be settled, microseconds; None: not received, and no plan says when it counts as such."""
    plans = [one.plan.said for one in worth.credits if one.plan is not None]
    received = facts.received_at
    if received is None:
        auto = [plan.auto_receive_days for plan in plans if plan.auto_receive_days is not None]
        if not auto:
            return None
        received = facts.paid_at + max(auto) * DAY
    house = view.house_at(facts.paid_at).return_window_days
    windows = [house if plan.return_window_days is None else plan.return_window_days for plan in plans]
    return received + max(windows) * DAY
