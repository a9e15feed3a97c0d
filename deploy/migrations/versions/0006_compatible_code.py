"""A schema names the code that may work on it: a rolling upgrade migrates first, and a rollback needs no migration.

A migration that the code before it can live with adds its own revision and leaves the others; one that it cannot live
with removes them. Code of an unnamed revision refuses to start.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """The table with this revision alone: the code before it refuses any schema but its own."""
    table = op.create_table(
        "compatible_code",
        sa.Column("revision", sa.Text(), nullable=False, comment="schema revision that the code was written for"),
        sa.PrimaryKeyConstraint("revision"),
        comment="Code that may work on this schema",
    )
    op.execute("GRANT SELECT ON compatible_code TO koc_writer, koc_reader")
    op.bulk_insert(table, [{"revision": revision}])


def downgrade() -> None:
    """Only the code of 0005 works on 0005."""
    op.drop_table("compatible_code")
