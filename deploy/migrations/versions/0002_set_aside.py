"""Lines that the journal cannot hold are set aside; an unpriced line worth nothing has booked no order event."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FORGET_STEPS = """
UPDATE line SET booked_steps = '{}' WHERE unpriced IS NOT NULL AND cardinality(accounts) = 0 AND quarantined IS NULL
"""
"""A later plan then books their order events each at its own time."""

REMEMBER_STEPS = """
UPDATE line SET booked_steps = (
  SELECT coalesce(array_agg(step.value ->> 'event_id' ORDER BY step.ordinality), '{}')
  FROM assertion, jsonb_array_elements(convert_from(assertion.raw, 'UTF8')::jsonb -> 'steps')
    WITH ORDINALITY AS step (value, ordinality)
  WHERE assertion.order_id = line.order_id AND assertion.line_id = line.line_id AND assertion.buyer_id = line.buyer_id
) WHERE unpriced IS NOT NULL AND cardinality(accounts) = 0 AND quarantined IS NULL
"""


def upgrade() -> None:
    """Add the reason, list the lines by it, and let unpriced lines book their events when a plan comes."""
    op.add_column(
        "line", sa.Column("set_aside", sa.Text(), comment="why the journal can hold nothing of it; null = it can")
    )
    op.create_index("line_set_aside", "line", ["partition"], postgresql_where=sa.text("set_aside IS NOT NULL"))
    op.execute(FORGET_STEPS)


def downgrade() -> None:
    """Go back; lines that are set aside would stop the poster of before again."""
    op.execute(REMEMBER_STEPS)
    op.drop_index("line_set_aside", "line")
    op.drop_column("line", "set_aside")
