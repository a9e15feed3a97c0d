"""What a line is worth: each credit's part of what was paid, its commission, and who gets which share of it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from services.operations.audit.line_facts import LARGE_MINOR, CreditFacts, LineFacts
from services.operations.audit.registry_view import MILLION, PricePlan, RegistryView

LIMIT_MINOR = 10**12
"""The journal takes no larger amount; a line that would need one is worth nothing."""

Amounts = dict[str, int]
"""Claimant (`ROLE:ID` or `platform`) -> minor units above zero."""

GrantFacts = tuple[int, int, int, int]
"""Base, commission, numerator, denominator of what a run granted to a credit."""


class PricedCredit(NamedTuple):
    """A credit with its plan (None = none prices it), its part of the base, who fills roles, and what was granted."""

    credit: CreditFacts
    plan: PricePlan | None
    base_minor: int
    parties: Mapping[str, str]
    grant: GrantFacts | None = None
    bonus_minor: int = 0

    @property
    def rate_ppm(self) -> int:
        """The plan's rate, or its rate for paid traffic."""
        if self.plan is None:
            return 0
        paid_rate = self.plan.said.paid_traffic_rate_ppm
        is_paid = paid_rate is not None and self.credit.traffic == "paid"
        return int(paid_rate if is_paid else self.plan.said.rate_ppm)

    @property
    def is_tiered(self) -> bool:
        """Whether the month's sales decide the rate; a rate for paid traffic is fixed."""
        plan = self.plan
        if plan is None or not plan.tiers:
            return False
        return plan.said.paid_traffic_rate_ppm is None or self.credit.traffic != "paid"

    def commission(self) -> int:
        """The whole commission; a bonus is paid while any of the base remains."""
        base, grant = self.base_minor, self.grant
        if grant is None:
            earned = base * self.rate_ppm // MILLION
        else:
            granted_base, granted, num, den = grant
            earned = (base * granted // granted_base if granted_base else 0) * num // den
        return earned + self.bonus_minor if base else earned

    def amounts(self) -> Amounts:
        """What each claimant gets, after all splits in their order."""
        commission = self.commission()
        held, filled_by = {"koc": commission}, {"koc": self.credit.koc_id}
        for split in (self.plan.said.splits or ()) if self.plan else ():
            party = self._party(split.role)
            if party is None:
                continue
            if split.of == "base":
                taken = self.base_minor * split.share_ppm // MILLION
                if self.grant is not None:
                    taken = taken * self.grant[2] // self.grant[3]
            else:
                source = "koc" if split.of == "commission" else split.of
                have = held.get(source, 0)
                whole = commission if split.of == "commission" else have
                taken = min(have, whole * split.share_ppm // MILLION)
                held[source] = have - taken
            held[split.role] = held.get(split.role, 0) + taken
            filled_by[split.role] = party
        named = {role if role == "platform" else f"{role}:{filled_by[role]}": amount for role, amount in held.items()}
        return {claimant: amount for claimant, amount in named.items() if amount}

    def charged(self) -> int:
        """What the brand is charged for it."""
        return sum(self.amounts().values())

    def _party(self, role: str) -> str | None:
        if role == "platform":
            return role
        return self.credit.koc_id if role == "koc" else self.parties.get(role)


class LineWorth(NamedTuple):
    """A line's credits and T, what its claimants are owed; `is_priced`: every credit has a plan and T can be booked."""

    credits: tuple[PricedCredit, ...]
    owed: Amounts
    is_priced: bool


def worth_of_facts(
    line: LineFacts, view: RegistryView, grants: Mapping[str, GrantFacts], bonus_minor: int
) -> LineWorth:
    """The worth of a line that stands and lost no dispute."""
    priced = priced_credits(line, view, grants, bonus_minor, (line.refunded_minor, line.is_cancelled))
    owed = owed_for(priced)
    is_priced = all(one.plan is not None for one in priced)
    states = {(line.refunded_minor, line.is_cancelled), *line.past}
    if line.goods_minor + line.discount_minor + bonus_minor > LARGE_MINOR and any(
        sum(owed_for(priced_credits(line, view, grants, bonus_minor, state)).values()) > LIMIT_MINOR for state in states
    ):
        return LineWorth(priced, {}, is_priced=False)
    return LineWorth(priced, owed, is_priced)


def priced_credits(
    line: LineFacts, view: RegistryView, grants: Mapping[str, GrantFacts], bonus_minor: int, state: tuple[int, bool]
) -> tuple[PricedCredit, ...]:
    """A line's credits when so much is refunded, or it is cancelled."""
    plans = [view.plan_for(line, credit) for credit in line.credits]
    bases = _bases(line, plans, state)
    greatest = greatest_credit(line) if bonus_minor and line.credits else -1
    return tuple(
        PricedCredit(
            credit, plan, base, view.parties(credit.koc_id, line.paid_at), grants.get(credit.name) if grants else None,
            bonus_minor if index == greatest else 0,
        )
        for index, (credit, plan, base) in enumerate(zip(line.credits, plans, bases, strict=True))
    )  # fmt: skip


def owed_for(priced: Sequence[PricedCredit]) -> Amounts:
    """T: what all credits together come to by claimant."""
    owed: Amounts = {}
    for one in priced:
        if one.plan is not None:
            for claimant, amount in one.amounts().items():
                owed[claimant] = owed.get(claimant, 0) + amount
    return owed


def credit_order(line: LineFacts, credit: CreditFacts) -> bytes:
    """Which of a line's credits comes first where all else is equal."""
    names = (line.order_id, line.line_id, credit.content_id, credit.koc_id, credit.campaign_id or "", credit.traffic)
    return sha256("|".join(names).encode()).digest()


def greatest_credit(line: LineFacts) -> int:
    """The index of the credit that a bonus is for."""
    ranks = [(-credit.weight_ppm, credit_order(line, credit)) for credit in line.credits]
    return ranks.index(min(ranks))


def _bases(line: LineFacts, plans: Sequence[PricePlan | None], state: tuple[int, bool]) -> list[int]:
    """Each credit's part of the remaining base of the kind that its plan names; 0 where no plan prices it."""
    refunded_minor, is_cancelled = state
    paid, kept = line.goods_minor, line.goods_minor - refunded_minor
    if is_cancelled or paid <= 0 or kept <= 0:
        return [0] * len(plans)
    whole = {"goods_paid": kept, "before_platform_discount": (paid + line.discount_minor) * kept // paid}
    parts = {plan.said.base: _allocate(line, whole[plan.said.base]) for plan in plans if plan is not None}
    return [0 if plan is None else parts[plan.said.base][index] for index, plan in enumerate(plans)]


def _allocate(line: LineFacts, total: int) -> list[int]:
    """A sum over all credits by weight; what flooring leaves goes to the largest remainders, a unit each."""
    shares = line.credits
    if len(shares) == 1:
        return [total]
    parts = [total * credit.weight_ppm // MILLION for credit in shares]
    by_remainder = sorted(
        range(len(shares)),
        key=lambda i: (-(total * shares[i].weight_ppm % MILLION), credit_order(line, shares[i])),
    )
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts
