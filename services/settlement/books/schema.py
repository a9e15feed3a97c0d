"""All tables of the settlement store together, as Alembic compares them with a database."""

from services.settlement.books import payout_tables, period_tables, run_tables, tables

PARTS = (tables, run_tables, payout_tables, period_tables)
metadata = tables.metadata
