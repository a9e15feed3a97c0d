"""What tables.py says otherwise than the migrated database."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from services.settlement.books.schema import metadata


def differences(connection: Connection) -> list[object]:
    """Empty = they agree."""
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, metadata))
