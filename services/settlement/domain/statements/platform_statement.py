"""Our own statement: every account of the journal that is no party's and no brand's, and what the month brought us."""

from collections.abc import Callable, Sequence

from services.settlement.domain.book import chart
from services.settlement.domain.statements.blocks import block
from services.settlement.domain.statements.facts import AccountMovement, AccountOpening, StatementFact

_RESULT: dict[str, tuple[Callable[[str], bool], int]] = {
    "fee_minor": (lambda account: account == chart.FEE, -1),
    "vat_minor": (lambda account: account == chart.VAT_OUTPUT, -1),
    "traffic_minor": (lambda account: account == chart.TRAFFIC_EXPENSE, 1),
    "written_off_minor": (lambda account: account.startswith("writeoff:"), 1),
    "payout_fee_minor": (lambda account: account == chart.PAYOUT_FEE, 1),
}
"""What we earned and owe as VAT, and what we spent: which accounts, and with which sign."""


def platform_statement(facts: Sequence[StatementFact]) -> dict[str, object]:
    """A block an account, debit positive as in the ledger; the result with our earnings and our costs positive."""
    by_account: dict[str, list[StatementFact]] = {}
    for fact in facts:
        if isinstance(fact, AccountOpening | AccountMovement):
            by_account.setdefault(fact.account, []).append(fact)
    accounts = [
        {"account": account, "nature": chart.nature(account).value, **block(rows, {"amount_minor": lambda _: 1})}
        for account, rows in sorted(by_account.items())
    ]
    return {"kind": "platform", "result": _result(facts), "accounts": accounts}


def _result(facts: Sequence[StatementFact]) -> dict[str, int]:
    return {
        name: sign * sum(one.amount_minor for one in facts if isinstance(one, AccountMovement) and is_of(one.account))
        for name, (is_of, sign) in _RESULT.items()
    }
