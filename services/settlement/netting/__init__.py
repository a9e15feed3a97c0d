"""Parties' money brought to target, the same for settlement runs and for proposals of payouts."""
