"""Where a line's money lies, by what is owed (T) and what runs have settled (S); and back from accounts to T."""

from collections.abc import Mapping

from services.operations.audit.pricing import Amounts
from services.operations.audit.registry_view import MILLION

Accounts = dict[str, int]
"""Account -> minor units, debit positive, without zeros."""


def position(settled: Mapping[str, int], owed: Mapping[str, int], brand_id: str, vat_ppm: int) -> Accounts:
    """f(S, T)."""
    found: Accounts = {}
    accrued = receivable = 0
    for claimant in {**settled, **owed}:
        was, is_owed = settled.get(claimant, 0), owed.get(claimant, 0)
        above, kept = max(0, is_owed - was), min(was, is_owed)
        accrued += above
        receivable += kept
        if claimant == "platform":
            vat = (2 * kept * vat_ppm + MILLION + vat_ppm) // (2 * (MILLION + vat_ppm))
            found["platform:fee_deferred"] = -above
            found["platform:fee"], found["vat:output"] = vat - kept, -vat
        else:
            found[f"{claimant}:pending"] = -above
            found[f"{claimant}:payable"] = -was
            found[f"clawback:{claimant}"] = max(0, was - is_owed)
    found[f"brand:{brand_id}:accrued"], found[f"brand:{brand_id}:receivable"] = accrued, receivable
    return {account: amount for account, amount in found.items() if amount}


def owed_by_accounts(booked: Mapping[str, int], settled: Mapping[str, int]) -> Amounts:
    """The T that these accounts show, where S is settled."""
    owed: Amounts = {}
    for claimant in settled:
        if claimant == "platform":
            owed[claimant] = -booked.get("platform:fee", 0) - booked.get("vat:output", 0)
        else:
            owed[claimant] = settled[claimant] - booked.get(f"clawback:{claimant}", 0)
    for account, amount in booked.items():
        if account == "platform:fee_deferred" or account.endswith(":pending"):
            claimant = "platform" if account == "platform:fee_deferred" else account.removesuffix(":pending")
            owed[claimant] = owed.get(claimant, 0) - amount
    return {claimant: amount for claimant, amount in owed.items() if amount}


def raised(settled: Mapping[str, int], owed: Mapping[str, int]) -> Amounts:
    """S' = max(S, T) by claimant."""
    return {one: max(settled.get(one, 0), owed.get(one, 0)) for one in {**settled, **owed}}


def is_more_owed(settled: Mapping[str, int], owed: Mapping[str, int]) -> bool:
    """Whether some claimant is owed more than is settled."""
    return any(amount > settled.get(claimant, 0) for claimant, amount in owed.items())
