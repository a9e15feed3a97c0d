"""The schema's history: Alembic to head as the owner role, and whether a database stands there."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

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


def migrate(engine: Engine) -> tuple[str | None, str | None]:
    """Bring the database to head, in one transaction; returns the revisions (before, after).

    Args:
        engine: of the owner role.
    """
    with engine.begin() as connection:
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
