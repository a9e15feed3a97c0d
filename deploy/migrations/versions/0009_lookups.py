"""Indexes for what people look up: the lines of a KOC and of a brand, and registry facts by what they name.

Posters and runs write what they wrote before, so that code of 0008 works on this schema. An index that is there already
stays: on a large book they are made beforehand, CONCURRENTLY and by the same names (docs/upgrading.md). Here posters
wait until they are made.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "line_of_brand": "line USING gin ((ARRAY[brand_id]))",
    "line_by_payment": "line USING brin (paid_at) WITH (pages_per_range = 32)",
    "line_of_koc": "line ((koc_ids[1]), paid_at)",
    "line_of_second_koc": "line ((koc_ids[2]), paid_at) WHERE koc_ids[2] IS NOT NULL",
    "line_of_other_kocs": "line USING gin ((koc_ids[3:])) WHERE koc_ids[3] IS NOT NULL",
    "line_below_join": "line (partition) WHERE below_since IS NOT NULL",
    "reference_of_brand": "reference ((body ->> 'brand_id')) WHERE body ->> 'brand_id' IS NOT NULL",
    "reference_of_koc": "reference ((body ->> 'koc_id')) WHERE body ->> 'koc_id' IS NOT NULL",
    "reference_of_campaign": "reference ((body ->> 'campaign_id')) WHERE body ->> 'campaign_id' IS NOT NULL",
}


FORGET_INVALID = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('{name}') AND NOT indisvalid) THEN
    DROP INDEX {name};
  END IF;
END $$
"""
"""What a CREATE INDEX CONCURRENTLY that was cut off has left."""


def upgrade() -> None:
    """Make what is missing, or was never finished."""
    for name, what in INDEXES.items():
        op.execute(FORGET_INVALID.format(name=name))
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {what}")
    op.execute("INSERT INTO compatible_code (revision) VALUES ('0009')")


def downgrade() -> None:
    """Lookups are slow again."""
    op.execute("DELETE FROM compatible_code WHERE revision = '0009'")
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
