"""A party's statement: what it has earned and not settled, and what it is owed, holds and owes back."""

from collections.abc import Sequence

from services.kernel.errors import InvariantBroken
from services.kernel.time import format_rfc3339
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.settling.netting import EARNINGS
from services.settlement.domain.statements.blocks import block, moved
from services.settlement.domain.statements.details import listed_contents, listed_reversals
from services.settlement.domain.statements.facts import ContentShare, OrderReversal, PayoutState, StatementFact

SETTLED = (Kind.COMMISSION_SETTLED, Kind.SCRIPT_FEE_SETTLED)
"""Entries that a statement lists by content."""

REVERSED = (*EARNINGS, Kind.SPEND_CONSUMED)
"""Entries whose part on a clawback account a statement lists by order, content or spend."""


def _pending(account: str) -> int:
    return -1 if account.endswith(":pending") and not _owed_back(account) else 0


def _payable(account: str) -> int:
    return -1 if account.endswith(":payable") and not _owed_back(account) else 0


def _held(account: str) -> int:
    return -1 if account.endswith(":held") and not _owed_back(account) else 0


def _owed_back(account: str) -> int:
    return 1 if account.startswith("clawback:") else 0


def _balance(account: str) -> int:
    return -1 if chart.is_of_a_party(account) else 0


_BALANCE = {
    "payable_minor": _payable, "held_minor": _held, "owed_back_minor": _owed_back, "balance_minor": _balance,
}  # fmt: skip


def party_statement(facts: Sequence[StatementFact]) -> dict[str, object]:
    """Both blocks and their details. Amounts are in the party's favour; what it owes back is positive too.

    Raises:
        InvariantBroken: details do not add up to their movement.
    """
    settled = sum(fact.amount_minor for fact in facts if isinstance(fact, ContentShare))
    reversed_minor = sum(fact.amount_minor for fact in facts if isinstance(fact, OrderReversal))
    if settled != -moved(facts, SETTLED, lambda account: _payable(account) != 0):
        raise InvariantBroken(f"contents come to {settled}, which is not what was settled")
    if reversed_minor != moved(facts, REVERSED, lambda account: _owed_back(account) != 0):
        raise InvariantBroken(f"orders come to {reversed_minor}, which is not what was clawed back")
    return {
        "kind": "party",
        "pending": block(facts, {"pending_minor": _pending}),
        "balance": block(facts, _BALANCE),
        "settled": [one._asdict() for one in listed_contents(facts)],
        "clawbacks": [one._asdict() for one in listed_reversals(facts)],
        "payouts": [_payout(fact) for fact in facts if isinstance(fact, PayoutState)],
    }


def _payout(fact: PayoutState) -> dict[str, object]:
    times = {"instructed_at": format_rfc3339(fact.instructed_at), "state_at": format_rfc3339(fact.state_at)}
    return {**fact._asdict(), **times}
