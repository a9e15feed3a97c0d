"""Payouts: who is paid how much, which entries that covers, and the proof of a batch."""
