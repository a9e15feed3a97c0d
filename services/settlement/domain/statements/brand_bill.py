"""A brand's statement, its bill: what is settled, what was credited, what it has paid, and what is open by age."""

from collections.abc import Sequence

from services.kernel.errors import InvariantBroken
from services.kernel.time import DAY, format_rfc3339
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.settling.ageing import AGES_DAYS, age_debt
from services.settlement.domain.settling.netting import EARNINGS
from services.settlement.domain.statements.blocks import block, moved
from services.settlement.domain.statements.details import listed_contents, listed_reversals
from services.settlement.domain.statements.facts import (
    AccountMovement,
    AccountOpening,
    ContentShare,
    DayOfDebt,
    OrderReversal,
    Receipt,
    StatementFact,
)


def _accrued(account: str) -> int:
    return 1 if account.endswith(":accrued") else 0


def _receivable(account: str) -> int:
    return 1 if account.endswith(":receivable") else 0


def brand_bill(facts: Sequence[StatementFact]) -> dict[str, object]:
    """Both blocks and their details. Amounts are what the brand owes; a credit note is negative, a receipt positive.

    Raises:
        InvariantBroken: details do not add up to their movement, or ages to what is open.
    """
    billed = sum(fact.amount_minor for fact in facts if isinstance(fact, ContentShare | OrderReversal))
    paid = sum(fact.amount_minor for fact in facts if isinstance(fact, Receipt))
    if billed != moved(facts, EARNINGS, lambda account: _receivable(account) != 0):
        raise InvariantBroken(f"contents and orders come to {billed}, which is not what was billed")
    if paid != -moved(facts, [Kind.BRAND_PAID], lambda account: _receivable(account) != 0):
        raise InvariantBroken(f"receipts come to {paid}, which is not what was paid")
    return {
        "kind": "brand",
        "accrued": block(facts, {"accrued_minor": _accrued}),
        "receivable": block(facts, {"receivable_minor": _receivable}),
        "bill": [one._asdict() for one in listed_contents(facts)],
        "credit_notes": [one._asdict() for one in listed_reversals(facts)],
        "receipts": [{**one._asdict(), "at": format_rfc3339(one.at)} for one in facts if isinstance(one, Receipt)],
        "open": _open(facts),
    }


def _open(facts: Sequence[StatementFact]) -> dict[str, object]:
    """What is open by age at the month's end, payments to the oldest debt first, and what is paid in advance."""
    days = [fact for fact in facts if isinstance(fact, DayOfDebt)]
    legs = [(-one.days * DAY, amount) for one in days for amount in (one.debit_minor, -one.credit_minor) if amount]
    aged = age_debt(legs, 0).open_minor
    owed = sum(
        fact.amount_minor
        for fact in facts
        if isinstance(fact, AccountOpening | AccountMovement) and _receivable(fact.account)
    )
    if sum(aged) != max(0, owed):
        raise InvariantBroken(f"the ages come to {sum(aged)}, and {owed} is open")
    ages = [{"from_days": days, "amount_minor": amount} for days, amount in zip(AGES_DAYS, aged, strict=True)]
    return {"ages": ages, "prepaid_minor": max(0, -owed)}
