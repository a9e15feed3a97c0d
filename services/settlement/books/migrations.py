"""The schema's history: Alembic to head as the owner role, and whether a database stands there."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, select, text

from services.kernel.errors import StartRefused
from services.runtime.settings import REPOSITORY
from services.settlement.books.tables import compatible_code


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

    A database that is ahead of this code and serves it stays as it is.

    Args:
        engine: of the owner role.

    Raises:
        StartRefused: the server lacks a group role, or the database is ahead of this code and does not serve it.
    """
    with engine.begin() as connection:
        _check_groups(connection)
        before = revision_of(connection)
        if _is_ahead(before):
            _check_serves(connection, before)
            return before, before
        command.upgrade(config(connection), "head")
        return before, head()


def check_revision(connection: Connection) -> None:
    """Refuse a database whose schema this code cannot work on: an older one, or a newer one that does not name it.

    Raises:
        StartRefused: with the command that mends it.
    """
    stands, wanted = revision_of(connection), head()
    if stands == wanted:
        return
    if _is_ahead(stands):
        _check_serves(connection, stands)
    else:
        raise StartRefused(
            f"the database's schema is at revision {stands}, this code needs {wanted}: run `koc settlement migrate`"
        )


def revision_of(connection: Connection) -> str | None:
    """Where the database stands; None = it has no tables of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def _is_ahead(stands: str | None) -> bool:
    """Whether a later version of this code made the schema: its revision is none of ours."""
    return stands not in {None, *(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())}


def _check_serves(connection: Connection, stands: str | None) -> None:
    """Refuse a later schema that does not name this code.

    Raises:
        StartRefused: with what to do.
    """
    wanted = head()
    if wanted not in connection.execute(select(compatible_code.c.revision)).scalars().all():
        raise StartRefused(
            f"the database's schema is at revision {stands}, which is newer than this code and does not serve it "
            f"(revision {wanted}): start the version of koc that migrated the database, or a newer one"
        )
