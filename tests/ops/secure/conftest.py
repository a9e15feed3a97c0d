"""One broker and one database that demand TLS and a login, for all tests of this folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.acls import PRINCIPALS, rules_of, set_rules
from tests.kit.certificates import Authority
from tests.kit.command import output_of
from tests.kit.secure_broker import SecureBroker
from tests.kit.stacks import with_environment
from tests.kit.tls_postgres import TlsPostgres


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secure")


@pytest.fixture(scope="session")
def authority(folder: Path) -> Authority:
    return Authority(folder / "authority")


@pytest.fixture(scope="session")
def stranger(folder: Path) -> Authority:
    """An authority that nobody trusts."""
    return Authority(folder / "stranger")


@pytest.fixture(scope="session")
def broker(folder: Path, authority: Authority) -> Iterator[SecureBroker]:
    """Kafka that allows what deploy/kafka/acls.py lists, and nothing else."""
    with SecureBroker(folder / "broker", authority, PRINCIPALS) as kafka:
        set_rules(kafka.own_bootstrap, rules_of(*PRINCIPALS))
        yield kafka


@pytest.fixture(scope="session")
def database(folder: Path, authority: Authority) -> Iterator[TlsPostgres]:
    with TlsPostgres(folder / "postgres", authority) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(database: TlsPostgres) -> dict[str, str]:
    """The variables of all database logins; the tables are there."""
    output_of("settlement", "migrate", **database.environment())
    return database.environment()


@pytest.fixture(scope="session")
def topics(broker: SecureBroker) -> SecureBroker:
    """The broker, with our topics."""
    output_of("topics", "apply", **broker.by_password("koc-topics"))
    return broker


@pytest.fixture(autouse=True)
def _no_local_stack(folder: Path) -> Iterator[None]:
    """Settings come from the variables that a test gives, and from no local stack."""
    known = [name for name in os.environ if name.startswith(("KOC_KAFKA_", "KOC_DATABASE_"))]
    with with_environment(dict.fromkeys(known) | {"KOC_LOCAL_DIR": str(folder / "local")}):
        yield
