"""What a batch comes to: payouts and money by currency, and who gets none and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from services.settlement.books.payout_ports import StoredPayout
from services.settlement.domain.paying.payouts import PayoutPlan, SkippedParty

_NAMED = 20


def batch_counts(payouts: Sequence[PayoutPlan], skipped: Sequence[SkippedParty], tax_version: str) -> dict[str, Any]:
    """As JSON, sorted; of those who get none it names the greatest amounts of each reason and currency."""
    amounts: Counter[str] = Counter()
    withheld: Counter[str] = Counter()
    for plan in payouts:
        amounts[plan.currency] += plan.amount_minor
        withheld[plan.currency] += plan.withheld.amount_minor
    return {
        "payouts": len(payouts),
        "amounts": dict(sorted(amounts.items())),
        "withheld": {currency: amount for currency, amount in sorted(withheld.items()) if amount},
        "tax_table": tax_version,
        "skipped": _skipped(skipped),
    }


def sums_of(payouts: Sequence[StoredPayout]) -> dict[str, Any]:
    """How many payouts, and their amounts by currency."""
    amounts: Counter[str] = Counter()
    for one in payouts:
        amounts[one.plan.currency] += one.plan.amount_minor
    return {"payouts": len(payouts), "amounts": dict(sorted(amounts.items()))}


def _skipped(skipped: Sequence[SkippedParty]) -> list[dict[str, Any]]:
    together: dict[tuple[str, str], list[SkippedParty]] = {}
    for one in skipped:
        together.setdefault((one.reason, one.currency), []).append(one)
    return [
        {
            "reason": reason,
            "currency": currency,
            "parties": len(some),
            "amount_minor": sum(one.amount_minor for one in some),
            "greatest": [
                [one.party, one.amount_minor]
                for one in sorted(some, key=lambda one: (-one.amount_minor, one.party))[:_NAMED]
            ],
        }
        for (reason, currency), some in sorted(together.items())
    ]


def batch_result(counts: Mapping[str, Any], proof: bytes) -> dict[str, Any]:
    """What the command's result says: bounded, however many parties there are, and no party is named."""
    skipped = [{name: value for name, value in one.items() if name != "greatest"} for one in counts["skipped"]]
    return {**counts, "skipped": skipped, "plan_sha256": proof.hex()}
