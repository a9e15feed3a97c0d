"""What an order line is worth by its assertion, and why it may be worth nothing in our books.

The journal takes no amount over MAX_AMOUNT_MINOR. A line that would need one is set aside: it is worth nothing until an
assertion or a price comes that the journal can hold. That depends on the assertion and the reference alone, like any
price, so that no order of arrival shows.
"""

from typing import NamedTuple

from services.kernel.money import MAX_AMOUNT_MINOR
from services.kernel.sentences import Sentence
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import LineAssertion, is_cancelled
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.terms import NO_GRANTS, LineGrants
from services.settlement.domain.pricing.price import CreditTerms, granted, price, terms_of
from services.settlement.domain.pricing.reference import Reference


class Worth(NamedTuple):
    """A line's target and how it comes about.

    `unpriced` says why a part of the line has no plan, `unpriced_minor` how much base that is; `set_aside` says why
    nothing of the line can be booked. `near_limit`: differences of its prices may be over the journal's limit.
    """

    target: Position
    terms: tuple[CreditTerms, ...]
    unpriced: str | None = None
    unpriced_minor: int = 0
    set_aside: str | None = None
    near_limit: bool = False


_NEVER_NEAR_MINOR = MAX_AMOUNT_MINOR // (2 * 50 * (1 + 20))
"""A base whose prices stay far from the limit: at most 50 order events, there and back, and 20 shares of the base."""

WORTHLESS = Worth({}, ())
"""A line that does not stand, as another buyer's line has its place, or that lost a dispute."""


def pricing_reference(line: Line, reference: Reference) -> Reference:
    """What prices a line: the newest reference data, or once it is settled those of its terms."""
    return reference if line.terms is None else reference.as_of(line.terms.registry_offset)


def vat_ppm_of(line: Line, reference: Reference) -> int:
    """The VAT within our fee of a line: by the house settings at its terms' moment; 0 as long as nothing is settled."""
    if line.terms is None:
        return 0
    return pricing_reference(line, reference).houses.at(line.terms.as_of).vat_ppm.get(line.currency, 0)


def worth_of_line(line: Line, assertion: LineAssertion, reference: Reference) -> Worth:
    """The worth of a line as it stands: nothing if it does not, or if a dispute of it is lost.

    Args:
        line: its terms and grants are what a run left.
        assertion: the one that the line accepted.
        reference: the newest.
    """
    if not line.standing or (reference.denied and reference.is_denied(line.key[0], line.key[1])):
        return WORTHLESS
    return worth_of(assertion, pricing_reference(line, reference), line.grants)


def worth_of(assertion: LineAssertion, reference: Reference, grants: LineGrants = NO_GRANTS) -> Worth:
    """The worth of a line that stands."""
    terms, unpriced, unpriced_minor = terms_of(assertion, reference)
    if grants is not NO_GRANTS:
        terms = granted(assertion, terms, grants)
    target = price(assertion, terms, assertion.refunded_minor, cancelled=is_cancelled(assertion))
    if assertion.goods_paid_minor + assertion.platform_discount_minor + grants.bonus_minor <= _NEVER_NEAR_MINOR:
        return Worth(target, terms, unpriced, unpriced_minor)
    highest = _highest_amount(assertion, terms)
    reason = _over_limit(assertion, terms, target) if highest > MAX_AMOUNT_MINOR else None
    return Worth({} if reason else target, terms, unpriced, unpriced_minor, reason, near_limit=True)


def exceeds_limit(position: Position) -> bool:
    """Whether the journal refuses an amount of a position."""
    return any(abs(amount) > MAX_AMOUNT_MINOR for amount in position.values())


def may_exceed_limit(worth: Worth, booked: Position) -> bool:
    """Whether a row from what is booked to a worth may be over the limit: either of the two is near it.

    The rows of a worth that is not near come to little more than half of the limit together.
    """
    return worth.near_limit or (bool(booked) and max(map(abs, booked.values())) > MAX_AMOUNT_MINOR // 4)


def grants_may_exceed_limit(assertion: LineAssertion, terms: tuple[CreditTerms, ...]) -> bool:
    """Whether a tier, a bonus or a budget that a run grants could lift an amount of the line over the limit.

    It asks for the highest that any grant may come to, and not for the grant: a run decides line after line, and what a
    line would take of tiers and budgets must not be given back.
    """
    bonus = max((term.plan.bonus_minor for term in terms if term.plan), default=0)
    return _highest_amount(assertion, terms, bonus) > MAX_AMOUNT_MINOR


def _highest_amount(assertion: LineAssertion, terms: tuple[CreditTerms, ...], further_bonus: int = 0) -> int:
    """No account of the line ever holds more: the whole base as commission, and again for each share of the base.

    Where plans have different bases, each is allocated by itself, so that every credit may gain a unit by rounding.
    """
    bonus = sum(term.bonus_minor for term in terms) + further_bonus
    base = assertion.goods_paid_minor + assertion.platform_discount_minor + len(terms) + bonus
    shares = [sum(split.of == "base" for split in term.plan.splits) for term in terms if term.plan]
    return base * (1 + max(shares, default=0))


def _over_limit(assertion: LineAssertion, terms: tuple[CreditTerms, ...], target: Position) -> str | None:
    """Why a line is set aside: an amount over the limit, now or after one of its order events."""
    after_events = (price(assertion, terms, step.refunded_minor, cancelled=step.cancelled) for step in assertion.steps)
    for position in (target, *after_events):
        for account, amount in position.items():
            if abs(amount) > MAX_AMOUNT_MINOR:
                return Sentence(
                    "{amount} on {account} is over the journal's limit of {limit}",
                    amount=abs(amount),
                    account=account,
                    limit=MAX_AMOUNT_MINOR,
                )
    return None
