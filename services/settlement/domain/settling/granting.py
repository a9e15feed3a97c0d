"""What a run settles of a line: tiers, bonus and budget are decided here, once, and stay with the line as grants.

Lines come in the order of (paid_at, order_id, line_id, buyer_id), the credits of a line by their rank: what one takes
of a tier, a bonus slot or a budget, the next one finds taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from services.kernel.money import share
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.clock import settled_less
from services.settlement.domain.lines.terms import Grant, LineGrants, credit_name
from services.settlement.domain.pricing.price import CreditTerms, greatest_credit, rank_of
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.candidates import Candidate
from services.settlement.domain.settling.parts import CreditPart, bases_of, owed_for, part_of
from services.settlement.domain.settling.shares import Shares
from services.settlement.domain.settling.tiers import TierCounter, counter_of, is_tiered, tiered_commission

BonusSlot = tuple[str, str]
"""brand_id, buyer_id: a brand pays its new-customer bonus for a buyer once."""


@dataclass(slots=True)
class Allowances:
    """What earlier lines left: a run reads it at its point, and each line that it settles changes it.

    `counted` is the base by tier counter. `slots` are the bonus slots that are taken; those of the run's lines are
    enough. `budgets` is what is left of each budget, in minor units; a campaign that is not here has none.
    """

    counted: dict[TierCounter, int] = field(default_factory=dict)
    slots: set[BonusSlot] = field(default_factory=set)
    budgets: dict[BudgetKey, int] = field(default_factory=dict)


class LineSettlement(NamedTuple):
    """What a run settles of a line.

    `settled` is S', never below what earlier runs settled. `grants` are all of the line's, old and new. `charged` is
    what its new grants take of each budget. `slot` is the bonus slot that it takes.
    """

    settled: Shares
    grants: LineGrants
    parts: tuple[CreditPart, ...]
    charged: Mapping[BudgetKey, int]
    slot: BonusSlot | None


NOTHING_CHARGED: Mapping[BudgetKey, int] = {}


def settle_line(candidate: Candidate, allowances: Allowances) -> LineSettlement | None:
    """What a run settles of a line that nothing blocks; None where nothing is owed above what is settled.

    `allowances` are changed by what the line takes.
    """
    line, assertion, worth, _ = candidate
    bases = bases_of(assertion, worth.terms)
    parts = tuple(map(part_of, worth.terms, bases))
    owed = owed_for(parts)
    if not settled_less(line.settled, owed):
        return None
    if not needs_decision(candidate, allowances):
        return LineSettlement(_raised(line.settled, owed), line.grants, parts, NOTHING_CHARGED, None)
    decision = _Decision(candidate, bases, allowances)
    decision.decide()
    parts = tuple(map(part_of, decision.terms, bases))
    grants = LineGrants({**line.grants.credits, **decision.granted}, line.grants.bonus_minor or decision.bonus_minor)
    settled = _raised(line.settled, owed_for(parts))
    return LineSettlement(settled, grants, parts, decision.charged, decision.slot)


def charged_for_grants(candidate: Candidate) -> dict[BudgetKey, int]:
    """What a line's granted credits are worth now, by budget: what it counts for when budgets are trued up."""
    assertion, terms = candidate.assertion, candidate.worth.terms
    charged: dict[BudgetKey, int] = {}
    for term, base in zip(terms, bases_of(assertion, terms), strict=True):
        campaign_id = term.credit.campaign_id
        if term.grant is not None and campaign_id is not None:
            key = BudgetKey(campaign_id, assertion.currency)
            charged[key] = charged.get(key, 0) + part_of(term, base).charged_minor
    return charged


class _Decision:
    """The grants of one line, credit by credit; `terms` become what they make of them."""

    def __init__(self, candidate: Candidate, bases: list[int], allowances: Allowances) -> None:
        self._line, self._assertion = candidate.line, candidate.assertion
        self._bases, self._allowances = bases, allowances
        self.terms = list(candidate.worth.terms)
        self.granted: dict[str, Grant] = {}
        self.charged: dict[BudgetKey, int] = {}
        self.bonus_minor = 0
        self.slot: BonusSlot | None = None

    def decide(self) -> None:
        """Decide each credit that has a price and no grant, in the order of their ranks."""
        greatest = greatest_credit(self._assertion, self.terms)
        ranks = [rank_of(self._assertion, term.credit) for term in self.terms]
        for index in sorted(range(len(ranks)), key=ranks.__getitem__):
            term, base = self.terms[index], self._bases[index]
            if term.plan is not None and term.grant is None and base:
                self.terms[index] = self._decide_credit(term, base, is_greatest=index == greatest)

    def _decide_credit(self, term: CreditTerms, base: int, *, is_greatest: bool) -> CreditTerms:
        """A credit's terms after tiers, bonus and budget, in this order."""
        key = _budget_of(term, self._assertion)
        left = None if key is None else self._allowances.budgets.get(key)
        if left is not None or is_tiered(term):
            term = term._replace(grant=Grant(base, self._commission(term, base), 1, 1))
        if is_greatest:
            term = self._with_bonus(term, base, left)
        if key is not None and left is not None:
            term = self._within_budget(term, base, key, left)
        if term.grant is not None:
            self.granted[credit_name(term.credit)] = term.grant
        return term

    def _commission(self, term: CreditTerms, base: int) -> int:
        """The commission by tiers, which then count the base, or by the credit's rate."""
        plan = term.plan
        if plan is None or not is_tiered(term):
            return share(base, term.rate_ppm)
        counter = counter_of(plan, term.credit.koc_id, self._line.paid_at, self._assertion.currency)
        before = self._allowances.counted.get(counter, 0)
        self._allowances.counted[counter] = before + base
        return tiered_commission(plan, before, base)

    def _with_bonus(self, term: CreditTerms, base: int, left: int | None) -> CreditTerms:
        """The greatest credit with its plan's bonus if the slot is free and the budget holds both; else as it is."""
        slot = self._assertion.brand_id, self._assertion.buyer_id
        bonus_minor = _bonus_of(term, self._line.grants, self._assertion)
        if not bonus_minor or slot in self._allowances.slots:
            return term
        with_bonus = term._replace(bonus_minor=bonus_minor)
        if left is not None and part_of(with_bonus, base).charged_minor > left:
            return term
        self.bonus_minor, self.slot = bonus_minor, slot
        self._allowances.slots.add(slot)
        return with_bonus

    def _within_budget(self, term: CreditTerms, base: int, key: BudgetKey, left: int) -> CreditTerms:
        """The credit clamped to what is left of its budget, which it then takes.

        A bonus that came to the credit from another one was granted before and is not cut: all else is. If it alone is
        more than is left, the budget is over its limit, as after a refund that is reversed.
        """
        wanted, bonus = part_of(term, base).charged_minor, term.bonus_minor
        if term.grant is not None and wanted > max(left, bonus):
            term = term._replace(grant=term.grant._replace(num=max(0, left - bonus), den=wanted - bonus))
        taken = part_of(term, base).charged_minor
        self.charged[key] = self.charged.get(key, 0) + taken
        self._allowances.budgets[key] = left - taken
        return term


def needs_decision(candidate: Candidate, allowances: Allowances) -> bool:
    """Whether any credit has tiers, a bonus or a budget; the great mass of lines has none of them."""
    grants, assertion = candidate.line.grants, candidate.assertion
    for term in candidate.worth.terms:
        plan = term.plan
        if plan is not None and (plan.tiers or _bonus_of(term, grants, assertion)):
            return True
        if allowances.budgets and _budget_of(term, assertion) in allowances.budgets:
            return True
    return False


def _bonus_of(term: CreditTerms, grants: LineGrants, assertion: LineAssertion) -> int:
    """What a credit's plan pays for a new customer; 0 where the buyer is none or the line has a bonus already."""
    if not assertion.new_customer or grants.bonus_minor or term.plan is None:
        return 0
    return term.plan.bonus_minor


def _budget_of(term: CreditTerms, assertion: LineAssertion) -> BudgetKey | None:
    """The budget that may bound a credit; None where it has no campaign."""
    campaign_id = term.credit.campaign_id
    return None if campaign_id is None else BudgetKey(campaign_id, assertion.currency)


def _raised(settled: Shares, owed: Shares) -> Shares:
    """S' = max(S, T) of each claimant."""
    if not settled:
        return owed
    return {one: max(settled.get(one, 0), owed.get(one, 0)) for one in {**settled, **owed}}
