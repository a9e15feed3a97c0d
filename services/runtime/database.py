"""How our processes reach PostgreSQL: a role per purpose, UTC sessions, a name that shows in pg_stat_activity."""

from typing import Any, Literal

from sqlalchemy import URL, Engine, create_engine, make_url

from services.kernel.errors import StartRefused
from services.runtime.settings import settings

Role = Literal["owner", "writer", "reader"]


def engine(role: Role, **connect_options: Any) -> Engine:
    """A SQLAlchemy engine (psycopg 3) of one role.

    Args:
        role: owner migrates, writer posts and relays, reader reports.
        connect_options: further libpq or psycopg arguments of each connection, such as `options="-c …"`.

    Raises:
        StartRefused: no URL is set for the role.
    """
    options = {**_session(), **connect_options}
    options["options"] = " ".join(filter(None, ("-c TimeZone=UTC", connect_options.get("options"))))
    return create_engine(_url(role), connect_args=options, pool_pre_ping=True)


def psycopg_dsn(role: Role) -> str:
    """The role's libpq connection string, for raw COPY connections: `psycopg.connect(psycopg_dsn("writer"))`.

    Raises:
        StartRefused: no URL is set for the role.
    """
    from psycopg.conninfo import make_conninfo

    address = _url(role).set(drivername="postgresql").render_as_string(hide_password=False)
    return make_conninfo(address, **_session(), options="-c TimeZone=UTC")


def _session() -> dict[str, Any]:
    """What every connection sets."""
    return {"application_name": f"koc-{settings().instance_id or 'cli'}", "connect_timeout": 10}


def _url(role: Role) -> URL:
    """The role's address with its password."""
    known = settings()
    secret = {"owner": known.database_owner_url, "writer": known.database_url, "reader": known.database_reader_url}[
        role
    ]
    if secret is None:
        raise StartRefused(
            f"no database address for the role koc_{role}: set KOC_DATABASE_{role.upper()}_URL, "
            f"or start the local stack with `koc local up`"
        )
    return make_url(secret.get_secret_value()).set(drivername="postgresql+psycopg")
