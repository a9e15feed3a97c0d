"""PostgreSQL lets in over TLS alone, a wrong login is one sentence, and each login has its rights and no more."""

import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from services.kernel.errors import StartRefused
from services.runtime.database import engine, psycopg_dsn
from tests.kit.certificates import Authority
from tests.kit.command import koc
from tests.kit.stacks import with_environment
from tests.kit.tls_postgres import CERTIFIED, TlsPostgres

WRONG = "wr0ng-s3cret"
LOGINS = ("koc_owner", "koc_writer", "koc_reader", "koc_operator_local", "koc_approver_local", "koc_payer_local")


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 78, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert WRONG not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if '"level": "info"' not in line]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("another authority", "certificate verify failed"),
        ("another host name", 'server certificate for "127.0.0.1" does not match host name "localhost"'),
        ("no TLS", "no encryption"),
        ("no certificate", "connection requires a valid client certificate"),
        ("a stranger's certificate", "unknown ca"),
        ("another's certificate", 'certificate authentication failed for user "koc_reader"'),
        ("no CA file", 'root certificate file "/none/ca.pem" does not exist'),
    ],
)
@pytest.mark.usefixtures("migrated")
def test_a_wrong_address_is_one_sentence(
    case: str, why: str, database: TlsPostgres, authority: Authority, stranger: Authority
) -> None:
    foreign, other = stranger.client(CERTIFIED), authority.client("koc_writer")
    addresses = {
        "another authority": database.url(CERTIFIED, sslrootcert=str(stranger.file)),
        "another host name": database.url(CERTIFIED, host="localhost"),
        "no TLS": database.url(CERTIFIED, sslmode="disable"),
        "no certificate": database.url(CERTIFIED, sslcert="/none/it.pem", sslkey="/none/it.key"),
        "a stranger's certificate": database.url(CERTIFIED, sslcert=str(foreign.certificate), sslkey=str(foreign.key)),
        "another's certificate": database.url(CERTIFIED, sslcert=str(other.certificate), sslkey=str(other.key)),
        "no CA file": database.url(CERTIFIED, sslrootcert="/none/ca.pem"),
    }
    with (
        with_environment({"KOC_DATABASE_READER_URL": addresses[case]}),
        pytest.raises(StartRefused) as refusal,
        engine("reader").connect(),
    ):
        pass
    assert str(refusal.value).startswith("no login by KOC_DATABASE_READER_URL: ")
    assert why in str(refusal.value)


@pytest.mark.parametrize("words", ["settlement relay", "settlement poster", "commands list", "console --port 0"])
def test_a_wrong_password_is_one_sentence_of_every_process(words: str, migrated: dict[str, str]) -> None:
    wrong = {name: url.replace(url.split(":")[2].split("@")[0], WRONG) for name, url in migrated.items()}
    wrong["KOC_DATABASE_READER_URL"] = migrated["KOC_DATABASE_URL"].replace("koc_writer:", f"koc_writer:{WRONG}")
    assert "password authentication failed" in refused(koc(*words.split(), **wrong))


def test_the_session_is_encrypted_in_both_kinds_of_connections(migrated: dict[str, str]) -> None:
    with with_environment(migrated), psycopg.connect(psycopg_dsn("writer")) as connection:
        assert connection.pgconn.ssl_in_use
        row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row == (True,)


@pytest.fixture(scope="module")
def server(database: TlsPostgres, migrated: dict[str, str]) -> Iterator[psycopg.Connection]:
    """As a superuser, who may ask what others may."""
    assert migrated
    with psycopg.connect(database.superuser_dsn()) as connection:
        yield connection


def may(server: psycopg.Connection, login: str, operation: str) -> set[str]:
    """The tables on which a login may do something."""
    found = server.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
        "AND relname <> 'alembic_version' AND has_table_privilege(%s, oid, %s)",
        [login, operation],
    )
    return {table for (table,) in found}


def test_no_login_is_a_superuser_or_may_make_logins(server: psycopg.Connection) -> None:
    rows = server.execute(
        "SELECT rolname, rolcanlogin, rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls, rolcreatedb "
        "FROM pg_roles WHERE rolname LIKE 'koc%'"
    ).fetchall()
    assert {name for name, can_login, *_ in rows if can_login} == set(LOGINS)
    assert [name for name, _, is_mighty, _ in rows if is_mighty] == []
    assert [name for name, *_, may_make_databases in rows if may_make_databases] == ["koc_owner"]


def test_each_login_may_do_what_it_must_and_no_more(server: psycopg.Connection) -> None:
    every = may(server, "koc_owner", "SELECT")
    decided = {"command", "payout", "payout_batch", "period", "period_close", "period_sum"}
    assert every >= decided | {"payee", "journal", "line", "balance"}
    assert may(server, "koc_reader", "SELECT") == every - {"payee"}
    assert may(server, "koc_reader", "INSERT, UPDATE, DELETE, TRUNCATE") == set()
    assert may(server, "koc_writer", "INSERT, UPDATE, DELETE") & (decided | {"payee"}) == set()
    for login in LOGINS[1:]:
        assert may(server, login, "UPDATE, DELETE, TRUNCATE") & {"journal", "command", "statement", "payee"} == set()
        assert may(server, login, "TRUNCATE") == set()
        assert ("payee" in may(server, login, "SELECT, INSERT")) == (login in {"koc_payer_local", "koc_approver_local"})
    assert may(server, "koc_operator_local", "INSERT") >= {"command", "payout", "period", "journal"}
