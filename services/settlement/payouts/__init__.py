"""Payouts: proposed from what is payable, approved by somebody else, cancelled before export, released if refused."""
