"""Alembic's entry: runs the migrations on the connection that `services.settlement.books.migrations` hands over."""

from alembic import context
from sqlalchemy import Connection, text

from services.settlement.books.schema import metadata

ONE_AT_A_TIME = 4_715_001
"""Key of the advisory lock under which migrations run: two starts at once migrate once."""


def migrate(connection: Connection) -> None:
    """Migrate in one transaction, alone."""
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=True)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        context.run_migrations()


migrate(context.config.attributes["connection"])
