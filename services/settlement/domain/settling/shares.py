"""What claimants have of a line: what they are owed now, and what runs have settled."""

Shares = dict[str, int]
"""Claimant (`ROLE:ID`, or `platform` for ourselves) -> amount_minor above zero; one currency, which its owner names."""
