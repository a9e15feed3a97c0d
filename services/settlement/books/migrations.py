"""The schema's history: Alembic to head as the owner role, and whether a database stands there."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from services.kernel.errors import StartRefused
from services.runtime.settings import REPOSITORY


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration: where the migrations are, and the connection that they run on."""
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "deploy" / "migrations"))
    config.attributes["connection"] = connection
    return config


def head() -> str | None:
    """The revision that this code needs."""
    return ScriptDirectory.from_config(config()).get_current_head()


_MISSING_GROUPS = text("""
SELECT 'CREATE ROLE ' || name || coalesce(' IN ROLE ' || parent, '')
FROM (VALUES ('koc_operator', 'koc_writer'), ('koc_payer', NULL)) AS wanted (name, parent)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) ORDER BY name
""")


def _check_groups(connection: Connection) -> None:
    """Refuse a server without the group roles: the owner may not create roles, a superuser has to.

    Raises:
        StartRefused: with the statements that create them.
    """
    if missing := connection.execute(_MISSING_GROUPS).scalars().all():
        raise StartRefused(
            f"the server lacks roles that the schema gives rights to: as a superuser, run `{'; '.join(missing)}`, "
            "then `koc settlement migrate` again"
        )


def migrate(engine: Engine) -> tuple[str | None, str | None]:
    """Bring the database to head, in one transaction; returns the revisions (before, after).

    Args:
        engine: of the owner role.

    Raises:
        StartRefused: the server lacks a group role.
    """
    with engine.begin() as connection:
        _check_groups(connection)
        before = MigrationContext.configure(connection).get_current_revision()
        command.upgrade(config(connection), "head")
        return before, head()


def check_revision(connection: Connection) -> None:
    """Refuse a database whose schema is not the one that this code was written for.

    Raises:
        StartRefused: with the command that mends it.
    """
    stands, wanted = MigrationContext.configure(connection).get_current_revision(), head()
    if stands != wanted:
        raise StartRefused(
            f"the database's schema is at revision {stands}, this code needs {wanted}: run `koc settlement migrate`"
        )
