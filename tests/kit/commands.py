"""Commands as a person gives them, and the logins that may give them; settings() lead to the database."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import psycopg
from sqlalchemy import make_url
from typer.testing import CliRunner

from services.cli.main import koc
from services.kernel.errors import InputRefused, StartRefused
from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from services.settlement.books.command_transaction import operator_books
from services.settlement.commands import lines
from tests.kit.stacks import with_environment


def freeze(name: str, reason: str) -> bool:
    """Quarantine a line; whether the books know it."""
    with operator_books() as book:
        return lines.quarantine(book, name, reason, None).result["is_known"] is True


def release(name: str, reason: str = "a test") -> list[str]:
    """Let a line go; the ids of the entries that follow."""
    with operator_books() as book:
        return list(lines.release(book, name, reason, None).result["entries"])


def told(*words: str) -> str:
    """What `koc …` prints where nothing goes wrong, in this process."""
    done = CliRunner().invoke(koc, list(words))
    assert done.exit_code == 0, f"{words}: {done.exception!r}\n{done.output}"
    return done.stdout


def status_of(*words: str) -> int:
    """The exit status of `koc …`."""
    return CliRunner().invoke(koc, list(words)).exit_code


def given(*words: str, by: str | None = None) -> dict[str, Any]:
    """What `koc … --json` says of a command that goes well; `by`: the address of another login."""
    with operated_by(by) if by else nullcontext():
        return dict(json.loads(told(*words, "--reason", "a test", "--json")))


def refused(*words: str, by: str | None = None) -> tuple[int, str]:
    """Status and sentence of a command that is refused; it prints nothing."""
    with operated_by(by) if by else nullcontext():
        done = CliRunner().invoke(koc, [*words, "--reason", "a test"])
    assert done.stdout == ""
    assert isinstance(done.exception, InputRefused | StartRefused), repr(done.exception)
    return done.exception.exit_code, str(done.exception)


@contextmanager
def login(stack: Stack, *groups: str) -> Iterator[tuple[str, str]]:
    """Within the block, another person has a login in these groups; its name, and its address of our database."""
    name = f"person_{uuid.uuid4().hex[:8]}"
    address = settings().database_url.get_secret_value()
    with psycopg.connect(stack.superuser_dsn(), autocommit=True) as server:
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        for group in groups:
            server.execute(f"GRANT {group} TO {name}")
        yield name, make_url(address).set(username=name, password="secret").render_as_string(hide_password=False)
        # a session that just ended may still be about to drop its temporary tables
        server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (name,))
        server.execute(f"DROP ROLE {name}")


def address_of_approver() -> str:
    """The address of our database for the stack's second person."""
    address = settings().database_approver_url
    assert address is not None
    return address.get_secret_value()


@contextmanager
def operated_by(address: str) -> Iterator[None]:
    """Within the block, commands are given by the login of this address."""
    with with_environment({"KOC_DATABASE_OPERATOR_URL": address, "KOC_DATABASE_APPROVER_URL": address}):
        yield
