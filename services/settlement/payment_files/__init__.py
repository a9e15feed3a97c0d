"""Payee data in, payment files out, and what banks reply; everything a person named in a payee row stays in here."""
