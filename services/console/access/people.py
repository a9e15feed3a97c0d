"""People are logins of the database: it knows their passwords and roles, and records under their names what they do."""

from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.kernel.errors import StartRefused
from services.runtime.database import PersonalLogin, engine

OPERATOR, PAYER = "koc_operator", "koc_payer"
_ROLES = "SELECT rolname FROM pg_roles WHERE rolname = ANY(:known) AND pg_has_role(session_user, oid, 'MEMBER')"
_LONGEST_NAME, _LONGEST_PASSWORD = 63, 1_000


class Person(NamedTuple):
    """Somebody who has signed in, and the roles that the database gave them: koc_operator, koc_payer."""

    login: PersonalLogin
    roles: frozenset[str]

    @property
    def name(self) -> str:
        """As decisions are recorded under."""
        return self.login.name


def sign_in(name: str, password: str) -> Person | None:
    """The person of this name and password; None where the database knows no such login, or it has no role of ours.

    Raises:
        ConnectionError: the database does not answer.
    """
    if not _is_possible(name, password):
        return None
    login = PersonalLogin(name, SecretStr(password))
    own = engine("operator", login)
    try:
        with own.connect() as connection:
            roles = frozenset(connection.execute(text(_ROLES), {"known": [OPERATOR, PAYER]}).scalars())
    except StartRefused:
        return None
    except OperationalError as problem:
        raise ConnectionError("the database does not answer") from problem
    finally:
        own.dispose()
    return Person(login, roles) if roles else None


def _is_possible(name: str, password: str) -> bool:
    """Whether a database could know them: bounds what is sent to it."""
    if not 0 < len(name) <= _LONGEST_NAME or not 0 < len(password) <= _LONGEST_PASSWORD:
        return False
    return name.isprintable() and "\0" not in password
