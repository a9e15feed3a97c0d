"""What a line is worth to everyone: a target amount per account, a pure function of the assertion and the reference.

Debit positive. A refund is priced, never its delta: the remaining base is priced anew, so that what is booked can
always be reversed exactly, to zero when all is refunded. (Largest remainder is not monotone in its total.)
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.kernel.money import MILLION, allocate, credit_rank, share
from services.settlement.domain.book import chart
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import AssertedCredit, LineAssertion
from services.settlement.domain.lines.terms import Grant, LineGrants, credit_name
from services.settlement.domain.pricing.plans import Plan
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.pricing.relations import fills

NO_PLAN = "no_plan"
"""Why a credit has no price: no plan matches it."""

GOODS_PAID = "goods_paid"
BEFORE_PLATFORM_DISCOUNT = "before_platform_discount"


class CreditTerms(NamedTuple):
    """What one credit is priced by: its plan (None = no plan matches), who fills which role, and what runs granted.

    `bonus_minor` is the line's new-customer bonus, on its greatest credit alone.
    """

    credit: AssertedCredit
    plan: Plan | None
    rate_ppm: int
    parties: Mapping[str, str]
    grant: Grant | None = None
    bonus_minor: int = 0


class SplitShare(NamedTuple):
    """One split as it came out: a share of `whole_minor`, at most what its source held; a role nobody fills takes 0."""

    role: str
    party: str | None
    of: str
    share_ppm: int
    whole_minor: int
    amount_minor: int


class LineTerms(NamedTuple):
    """A line's terms, and the base that no plan prices."""

    terms: tuple[CreditTerms, ...]
    unpriced: str | None
    unpriced_minor: int


def remaining_base(line: LineAssertion, kind: str, refunded_minor: int) -> int:
    """floor(base x (goods_paid - refunded) / goods_paid) of a base kind; zero where nothing was paid."""
    paid = line.goods_paid_minor
    kept = paid - refunded_minor
    if paid <= 0 or kept <= 0:
        return 0
    return kept if kind == GOODS_PAID else (paid + line.platform_discount_minor) * kept // paid


def terms_of(line: LineAssertion, reference: Reference) -> LineTerms:
    """Find each credit's plan and parties, and say what part of the line no plan prices."""
    found = []
    unpriced = False
    for credit in line.credits:
        plan = reference.plans.find(line, credit)
        rate = 0
        if plan is None:
            unpriced = True
        else:
            paid_rate = plan.paid_traffic_rate_ppm
            rate = paid_rate if paid_rate is not None and credit.traffic == "paid" else plan.rate_ppm
        found.append(CreditTerms(credit, plan, rate, reference.relations.parties(credit.koc_id, line.paid_at)))
    terms = tuple(found)
    if not unpriced:
        return LineTerms(terms, None, 0)
    parts = allocated(line, terms, GOODS_PAID, line.refunded_minor)
    lost = sum(part for part, term in zip(parts, terms, strict=True) if term.plan is None)
    return LineTerms(terms, NO_PLAN, 0 if line.status == "cancelled" else lost)


def granted(line: LineAssertion, terms: tuple[CreditTerms, ...], grants: LineGrants) -> tuple[CreditTerms, ...]:
    """The terms with what runs granted; the bonus is on the greatest credit, of equal ones on the first by rank."""
    with_grants = [term._replace(grant=grants.credits.get(credit_name(term.credit))) for term in terms]
    if grants.bonus_minor and terms:
        first = greatest_credit(line, terms)
        with_grants[first] = with_grants[first]._replace(bonus_minor=grants.bonus_minor)
    return tuple(with_grants)


def greatest_credit(line: LineAssertion, terms: Sequence[CreditTerms]) -> int:
    """The index of the credit that a bonus is added to: the greatest weight, of equal ones the first by rank."""
    return min(range(len(terms)), key=lambda i: (-terms[i].credit.weight_ppm, rank_of(line, terms[i].credit)))


def rank_of(line: LineAssertion, credit: AssertedCredit) -> bytes:
    """The order of a line's credits where weights or remainders are equal."""
    names = (credit.content_id, credit.koc_id, credit.campaign_id, credit.traffic)
    return credit_rank(line.order_id, line.line_id, *names)


def price(line: LineAssertion, terms: tuple[CreditTerms, ...], refunded_minor: int, *, cancelled: bool) -> Position:
    """The target per account of a line of which so much is refunded."""
    if cancelled or not terms:
        return {}
    brand = chart.brand_accrued(line.brand_id)
    position: Position = {brand: 0}
    by_kind: dict[str, list[int]] = {}
    for index, one in enumerate(terms):
        if one.plan is None:
            continue
        parts = by_kind.get(one.plan.base)
        if parts is None:
            parts = by_kind[one.plan.base] = allocated(line, terms, one.plan.base, refunded_minor)
        part = parts[index]
        _share_out(position, one, part, commission_of(one, part))
    owed = -sum(position.values())
    if not owed:
        return {}
    position[brand] = owed
    return position


def commission_of(terms: CreditTerms, base: int) -> int:
    """A credit's whole commission on its part of the remaining base: at its rate, or as a run granted it."""
    grant = terms.grant
    if grant is None:
        earned = share(base, terms.rate_ppm)
    else:
        whole = base * grant.commission_minor // grant.base_minor if grant.base_minor else 0
        earned = whole * grant.num // grant.den
    return earned + terms.bonus_minor if base else earned


def allocated(line: LineAssertion, terms: tuple[CreditTerms, ...], kind: str, refunded_minor: int) -> list[int]:
    """A base kind's remaining base over all credits by weight."""
    base = remaining_base(line, kind, refunded_minor)
    if len(terms) == 1:
        return [base]
    return allocate(base, [term.credit.weight_ppm for term in terms], lambda i: rank_of(line, terms[i].credit))


def split(terms: CreditTerms, base: int, commission: int) -> tuple[list[SplitShare], dict[str, int]]:
    """Apply a plan's splits in order to one credit's commission: what each took, and what roles hold in the end."""
    steps: list[SplitShare] = []
    holds, _ = divide(terms, base, commission, steps)
    return steps, holds


def divide(
    terms: CreditTerms, base: int, commission: int, steps: list[SplitShare] | None = None
) -> tuple[dict[str, int], dict[str, str]]:
    """What roles hold after all splits, and who fills them; each split is added to `steps`."""
    credit, plan, _, parties, grant, _ = terms
    koc_id = credit.koc_id
    holds, seats = {"koc": commission}, {"koc": koc_id}
    for role, of, share_ppm in plan.splits if plan else ():
        party = fills(role, koc_id, parties)
        source = "koc" if of == "commission" else of
        held = base if of == "base" else holds.get(source, 0)
        whole = commission if of == "commission" else held
        taken = 0
        if party is not None:
            taken = whole * share_ppm // MILLION
            if of == "base":
                if grant is not None:
                    taken = taken * grant.num // grant.den
            else:
                if taken > held:
                    taken = held
                holds[source] = held - taken
            holds[role] = holds.get(role, 0) + taken
            seats[role] = party
        if steps is not None:
            steps.append(SplitShare(role, party, of, share_ppm, whole, taken))
    return holds, seats


def _share_out(position: Position, terms: CreditTerms, base: int, commission: int) -> None:
    """Add what each role holds of one credit's commission in the end to `position`."""
    holds, seats = divide(terms, base, commission)
    for role, amount in holds.items():
        if amount:
            key = chart.pending(role, seats[role])
            position[key] = position.get(key, 0) - amount
