"""What each credit of a line comes to: the line's money by content, as statements show it."""

from collections.abc import Sequence
from typing import NamedTuple

from services.settlement.domain.book.chart import OURSELVES
from services.settlement.domain.lines.assertions import LineAssertion, is_cancelled
from services.settlement.domain.pricing.price import CreditTerms, allocated, commission_of, divide
from services.settlement.domain.settling.shares import Shares


class CreditPart(NamedTuple):
    """One credit's share of a line: its remaining base, the commission of that, and what each claimant gets.

    `plan` is the plan version's name. `amounts` may come to more than the commission: shares of the base are on top.
    """

    content_id: str
    koc_id: str
    plan: str
    base_minor: int
    commission_minor: int
    amounts: Shares

    @property
    def charged_minor(self) -> int:
        """What the brand is charged for the credit."""
        return sum(self.amounts.values())


def bases_of(assertion: LineAssertion, terms: tuple[CreditTerms, ...]) -> list[int]:
    """Each credit's remaining base, of the kind that its plan names; 0 where no plan prices it."""
    if is_cancelled(assertion):
        return [0] * len(terms)
    by_kind: dict[str, list[int]] = {}
    bases = []
    for index, term in enumerate(terms):
        if term.plan is None:
            bases.append(0)
            continue
        kind = term.plan.base
        parts = by_kind.get(kind)
        if parts is None:
            parts = by_kind[kind] = allocated(assertion, terms, kind, assertion.refunded_minor)
        bases.append(parts[index])
    return bases


def part_of(term: CreditTerms, base_minor: int) -> CreditPart:
    """A credit's part of a line, by its terms; `base_minor` is its remaining base."""
    commission = commission_of(term, base_minor)
    holds, seats = divide(term, base_minor, commission)
    amounts: Shares = {}
    for role, amount in holds.items():
        if amount:
            amounts[OURSELVES if role == OURSELVES else f"{role}:{seats[role]}"] = amount
    plan = "" if term.plan is None else term.plan.name
    return CreditPart(term.credit.content_id, term.credit.koc_id, plan, base_minor, commission, amounts)


def owed_for(parts: Sequence[CreditPart]) -> Shares:
    """T: what claimants are owed for all parts of a line together."""
    if len(parts) == 1:
        return parts[0].amounts
    owed: Shares = {}
    for part in parts:
        for claimant, amount in part.amounts.items():
            owed[claimant] = owed.get(claimant, 0) + amount
    return owed
