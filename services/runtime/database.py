"""How our processes reach PostgreSQL: a role per purpose, UTC sessions, a name that shows in pg_stat_activity."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from pydantic import SecretStr
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, ProgrammingError

from services.kernel.errors import StartRefused
from services.runtime.settings import settings

Role = Literal["owner", "writer", "reader", "operator", "approver", "payer"]
URL_VARIABLES: dict[Role, str] = {
    "writer": "KOC_DATABASE_URL",
    "owner": "KOC_DATABASE_OWNER_URL",
    "reader": "KOC_DATABASE_READER_URL",
    "operator": "KOC_DATABASE_OPERATOR_URL",
    "approver": "KOC_DATABASE_APPROVER_URL",
    "payer": "KOC_DATABASE_PAYER_URL",
}
"""The environment variable with each role's address."""

_OWN_CERTIFICATE = ("sslcert", "sslkey", "sslpassword", "passfile")
"""Parameters of an address that prove one login and no other."""


class PersonalLogin(NamedTuple):
    """A person's login in the database, typed in by this person; commands are recorded under its name."""

    name: str
    password: SecretStr


_REFUSED = re.compile(
    r"certificate|password authentication failed|no password supplied|SSL was required|no pg_hba\.conf entry|"
    r'role "[^"]*" does not exist|private key|tlsv\d+ alert|not permitted to log in'
)
"""What libpq or the server says when waiting does not help: another password, certificate or rule is needed."""


def has_address(role: Role) -> bool:
    """Whether this process was given an address of its own for a role."""
    return _addresses()[role] is not None


def engine(role: Role, login: PersonalLogin | None = None, **connect_options: Any) -> Engine:
    """A SQLAlchemy engine (psycopg 3) of one role.

    Args:
        role: owner migrates, writer posts and relays, reader reports, operator decides, approver
            approves what an operator proposed, payer sees payee data.
        login: of a person who is in the role; it connects where readers connect. None = the role's address.
        connect_options: further libpq or psycopg arguments of each connection, such as `options="-c …"`.

    Raises:
        StartRefused: no URL is set for the role; or, when it connects, the server does not let us in.
    """
    options = {**_session(), **connect_options}
    options["options"] = " ".join(filter(None, ("-c TimeZone=UTC", connect_options.get("options"))))
    hides_values = role == "payer"  # an error's text would repeat names and account numbers
    url = _url(role) if login is None else _url_of(login)
    made = create_engine(url, connect_args=options, pool_pre_ping=True, hide_parameters=hides_values)

    def connect(dialect: Any, _: Any, arguments: Any, named: Any) -> Any:
        with login_as_sentence(URL_VARIABLES[role] if login is None else login.name):
            return dialect.connect(*arguments, **named)

    event.listen(made, "do_connect", connect)
    return made


def psycopg_dsn(role: Role) -> str:
    """The role's libpq connection string, for raw COPY connections: `psycopg.connect(psycopg_dsn("writer"))`.

    Raises:
        StartRefused: no URL is set for the role.
    """
    from psycopg.conninfo import make_conninfo

    address = _url(role).set(drivername="postgresql").render_as_string(hide_password=False)
    return make_conninfo(address, **_session(), options="-c TimeZone=UTC")


@contextmanager
def login_as_sentence(whose: str) -> Iterator[None]:
    """Around a connect of psycopg: a password or a certificate that is wrong will be wrong at the next attempt, too.

    Args:
        whose: the variable with the address, or a person's login.

    Raises:
        StartRefused: the server does not let us in, or is not who it should be.
    """
    from psycopg import OperationalError

    try:
        yield
    except OperationalError as problem:
        reason = str(problem).partition("\n")[0].removeprefix("connection failed: ")
        if not _REFUSED.search(str(problem)):
            raise
        raise StartRefused(f"no login by {whose}: {reason}; correct its user, password or TLS files") from None


@contextmanager
def refusals_as_sentences() -> Iterator[None]:
    """Around statements of a command: a missing table or right is the database's state and no bug of the statement.

    Raises:
        StartRefused: a table or a right is missing.
    """
    from psycopg.errors import InsufficientPrivilege, UndefinedTable

    try:
        yield
    except (ProgrammingError, InsufficientPrivilege, UndefinedTable) as error:
        refusal = error.orig if isinstance(error, ProgrammingError) else error
        reason = str(refusal).partition("\n")[0]
        if isinstance(refusal, UndefinedTable):
            raise StartRefused(
                f"the database has no tables of ours ({reason}): run `koc settlement migrate`"
            ) from error
        if isinstance(refusal, InsufficientPrivilege):
            raise StartRefused(f"the role may not read the books ({reason}): `koc doctor` checks the roles") from error
        raise


def _session() -> dict[str, Any]:
    """What every connection sets."""
    return {"application_name": f"koc-{settings().instance_id or 'cli'}", "connect_timeout": 10}


def _addresses() -> dict[Role, str | None]:
    """The addresses of the roles, with their passwords, as far as they are set."""
    known = settings()
    secrets: dict[Role, Any] = {
        "owner": known.database_owner_url,
        "writer": known.database_url,
        "reader": known.database_reader_url,
        "operator": known.database_operator_url,
        "approver": known.database_approver_url,
        "payer": known.database_payer_url,
    }
    return {role: None if secret is None else secret.get_secret_value() for role, secret in secrets.items()}


def _url_of(login: PersonalLogin) -> URL:
    """Where readers connect, with a person's name and password.

    Raises:
        StartRefused: there is no address for readers.
    """
    address = _url("reader").difference_update_query(_OWN_CERTIFICATE)
    return address.set(username=login.name, password=login.password.get_secret_value())


def _url(role: Role) -> URL:
    """The role's address with its password.

    Raises:
        StartRefused: there is none, or it is no URL; the sentence does not repeat it.
    """
    addresses = _addresses()
    address = addresses[role] or (addresses["operator"] if role == "approver" else None)
    if address is None:
        raise StartRefused(
            f"no database address for the role koc_{role}: set {URL_VARIABLES[role]}, "
            f"or start the local stack with `koc local up`"
        )
    try:
        return make_url(address).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        form = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        raise StartRefused(f"{URL_VARIABLES[role]} is no database address: it must have the form {form}") from None
