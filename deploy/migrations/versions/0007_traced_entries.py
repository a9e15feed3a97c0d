"""The traces of entries that the relay has not published yet: kept only while tracing is on, lost in a crash."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """A table of its own: the journal has no column that its hash does not cover."""
    op.create_table(
        "traced_entry",
        sa.Column("writer", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("carrier", sa.JSON(), nullable=False, comment="traceparent and perhaps tracestate, by header"),
        sa.PrimaryKeyConstraint("writer", "seq"),
        comment="The trace that led to an entry, until the entry is published",
        prefixes=["UNLOGGED"],
    )
    op.execute("GRANT SELECT, INSERT, DELETE ON traced_entry TO koc_writer")
    op.execute("GRANT SELECT ON traced_entry TO koc_reader")
    op.execute("INSERT INTO compatible_code (revision) VALUES ('0007')")


def downgrade() -> None:
    """Traces are a help and no record."""
    op.execute("DELETE FROM compatible_code WHERE revision = '0007'")
    op.drop_table("traced_entry")
