"""Whether PostgreSQL answers to each role as it should, and stands at the schema that this code needs."""

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.kernel.errors import StartRefused
from services.runtime.database import URL_VARIABLES, Role, engine
from services.settlement.books import migrations

_ASKED = text(
    "SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), "
    "current_setting('TimeZone'), current_setting('server_version')"
)

_MEMBER = text(
    "SELECT current_user, coalesce((SELECT pg_has_role(current_user, oid, 'member') FROM pg_roles "
    "WHERE rolname = :needed), false)"
)


def check_role(role: Role) -> str:
    """Whether a role can log in, is who its address says, is no superuser and counts in UTC.

    Raises:
        ConnectionError: it cannot log in.
        StartRefused: it must not be used.
    """
    try:
        with engine(role).connect() as connection:
            user, superuser, zone, version = connection.execute(_ASKED).one()
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise ConnectionError(f"{reason}; start it with `koc local up`, or set {URL_VARIABLES[role]}") from error
    if superuser:
        raise StartRefused(f"{user} is a superuser, and superusers bypass the rules of the books: log in as koc_{role}")
    if zone != "UTC":
        raise StartRefused(f"the session's time zone is {zone}: it must be UTC; ALTER ROLE {user} SET timezone = 'UTC'")
    return f"{user} on PostgreSQL {version}, sessions in {zone}"


def check_person(role: Role, *groups: str) -> str:
    """Whether a personal login can log in as it should, and is in the roles whose rights it needs.

    Raises:
        ConnectionError: it cannot log in.
        StartRefused: it must not be used.
    """
    seen = check_role(role)
    with engine(role).connect() as connection:
        for group in groups:
            user, is_member = connection.execute(_MEMBER, {"needed": group}).one()
            if not is_member:
                raise StartRefused(f"{user} is not in the role {group}: as a superuser, GRANT {group} TO {user}")
    return seen


def check_schema() -> str:
    """At which revision the schema stands.

    Raises:
        StartRefused: this code needs another one.
    """
    with engine("writer").connect() as connection:
        migrations.check_revision(connection)
        return f"at revision {migrations.revision_of(connection)}"
