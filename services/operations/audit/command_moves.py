"""The money that a command moves, by what it says: debit and credit accounts."""

from collections import Counter

from services.operations.audit.chains import CommandFacts
from services.operations.audit.content_fees import AccountOf

RUN, FROZEN, RELEASED, RERATED = "settlement.run", "line.quarantined", "line.released", "lines.rerated"
SEVERED = "buyer.severed"
PROPOSED, POSTED = "adjustment.proposed", "adjustment.posted"
PAYOUT_PROPOSED, PAYOUT_APPROVED, PAYOUT_CANCELLED = "payout.proposed", "payout.approved", "payout.cancelled"
PAYOUT_EXPORTED, PAYOUT_REPLIED, PAYOUT_RELEASED = "payout.exported", "payout.replied", "payout.released"
CLOSED, REOPEN_PROPOSED, REOPENED = "period.closed", "period.reopen_proposed", "period.reopened"
PLANNED = frozenset({RUN, PAYOUT_PROPOSED})
"""Kinds that are worked out in a snapshot, and so see no command that was recorded while they were."""
PAYOUTS = frozenset(
    {PAYOUT_PROPOSED, PAYOUT_APPROVED, PAYOUT_CANCELLED, PAYOUT_EXPORTED, PAYOUT_REPLIED, PAYOUT_RELEASED}
)
PERIODS = frozenset({CLOSED, REOPEN_PROPOSED, REOPENED})
_PAIRS = {
    "brand.paid": ("bank:main", "brand:{brand_id}:receivable"),
    "traffic.bought": ("traffic:{platform}:prepaid", "bank:main"),
    "clawback.written_off": ("writeoff:{party}", "clawback:{party}"),
    "clawback.repaid": ("bank:main", "clawback:{party}"),
}
"""Kind -> the accounts that it debits and credits."""

KNOWN = frozenset({RUN, FROZEN, RELEASED, RERATED, SEVERED, PROPOSED, POSTED, *PAYOUTS, *PERIODS, *_PAIRS})


def moved_by(command: CommandFacts) -> Counter[AccountOf]:
    """What a command books under writer N; a run and a line's own commands book by rules of their own."""
    moved: Counter[AccountOf] = Counter()
    if command.kind == POSTED:
        for account, amount in command.body["legs"].items():
            moved[account, command.body["currency"]] += amount
    elif command.kind in _PAIRS:
        debit, credit = (account.format(**command.body) for account in _PAIRS[command.kind])
        moved[debit, command.body["currency"]] += command.body["amount_minor"]
        moved[credit, command.body["currency"]] -= command.body["amount_minor"]
    return moved


def line_of(command: CommandFacts) -> tuple[str, str]:
    """`ORDER/LINE` and buyer of a line that a command names."""
    order_id, line_id, buyer_id = command.body["line"].split("/")
    return f"{order_id}/{line_id}", buyer_id


def is_rerated(scope: str, name: str, buyer_id: str) -> bool:
    """Whether the scope of a re-rate, an order or ORDER/LINE/BUYER, names a line (`ORDER/LINE` and buyer)."""
    return scope in (name.partition("/")[0], f"{name}/{buyer_id}")
