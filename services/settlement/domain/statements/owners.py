"""Whose statement an account stands on: every account of the journal is on exactly one."""

from services.settlement.domain.book import chart


def statement_party(account: str) -> str:
    """`ROLE:ID`, `brand:ID`, or `platform` for all that is nobody else's: our fee, VAT, bank, prepayments, budgets."""
    owner, _, rest = account.partition(":")
    if chart.is_of_a_party(account):
        return chart.party_of(account)
    if owner == "brand" or (account.endswith(":pending") and owner not in chart.RESERVED | {chart.OURSELVES}):
        return f"{owner}:{rest.rpartition(':')[0]}"
    return chart.OURSELVES


def is_brand(party: str) -> bool:
    """Whether a party's statement is a bill."""
    return party.startswith("brand:")
