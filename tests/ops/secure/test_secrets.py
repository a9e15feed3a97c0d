"""No password shows in a log at any level, in an error, in a metric or in a traceback; nor does one in an address."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from services.runtime.settings import Settings, found_settings
from tests.kit.command import koc
from tests.kit.console_client import ConsoleClient
from tests.kit.console_process import ConsoleProcess
from tests.kit.processes import KocProcess
from tests.kit.secure_broker import SecureBroker
from tests.kit.tls_postgres import TlsPostgres
from tests.kit.waiting import until

CANARY = "c4n4ry-7d1f-long-as-a-token"
SECRETS = tuple(one.name for one in found_settings() if one.is_secret)

EVERYTHING = """
import asyncio, logging, sys, traceback
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
import structlog
from services.runtime import kafka
from services.runtime.database import URL_VARIABLES, engine
from services.runtime.publishing import reach_broker
from services.attribution.worker.app import create_app
from services.console.access.people import sign_in
from services.console.books import open_reader
from services.settlement.posting.assignment import make_consumer
from services.settlement.relay.process import make_producer
from services.settlement.relay.store import RelayStore
from services.runtime.settings import settings

async def start_producer():
    producer = make_producer()
    try:
        await producer.start()
    finally:
        await producer.stop()

attempts = [
    lambda: print(settings(), repr(settings()), settings().model_dump()),
    lambda: print(kafka.faust_broker(), create_app().conf.broker),
    lambda: kafka.admin().__enter__(),
    lambda: reach_broker(),
    lambda: make_consumer(1).topics(),
    lambda: asyncio.run(start_producer()),
    lambda: asyncio.run(RelayStore.connect()),
    *[lambda role=role: engine(role).connect() for role in URL_VARIABLES],
    open_reader,
    lambda: print("signed in", sign_in("koc_operator_local", settings().kafka_password.get_secret_value())),
]
failed = 0
for attempt in attempts:
    try:
        attempt()
    except Exception:
        failed += 1
        traceback.print_exc(file=sys.stdout)
print("failed", failed)
"""


def wrong_everywhere(broker: SecureBroker, port: int, tmp_path: Path) -> dict[str, str]:
    """Every secret is wrong, and each holds the canary."""
    files = broker.authority.client("koc-relay", CANARY)
    environment = broker.by_password("koc-relay") | {name: f"{CANARY}-{number}" for number, name in enumerate(SECRETS)}
    for number, name in enumerate(SECRETS):
        if name.endswith("_URL"):
            environment[name] = f"postgresql://koc_writer:{CANARY}-{number}@127.0.0.1:{port}/koc?connect_timeout=5"
    return environment | {
        "KOC_KAFKA_CLIENT_CERT_FILE": str(files.certificate),
        "KOC_KAFKA_CLIENT_KEY_FILE": str(files.key),
        "KOC_KAFKA_CLIENT_KEY_PASSWORD": CANARY,
        "KOC_STATE_DIR": str(tmp_path / "state"),
    }


def test_every_secret_setting_is_one_of_those_that_are_hidden() -> None:
    words = ("password", "secret", "token", "_url")
    suspicious = {name for name in Settings.model_fields if any(word in name for word in words)}
    shown = suspicious - {one.removeprefix("KOC_").lower() for one in SECRETS}
    assert shown <= {"snapshot_url", "console_url"}, "keys of the first are AWS_… variables; neither can hold a secret"
    assert len(SECRETS) >= 8


def test_libraries_at_debug_level_and_tracebacks_hold_no_secret(
    topics: SecureBroker, migrated: dict[str, str], tmp_path: Path
) -> None:
    port = make_url(migrated["KOC_DATABASE_URL"]).port or 0
    environment = wrong_everywhere(topics, port, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
    )
    said = done.stdout + done.stderr
    assert int(done.stdout.rsplit("failed ", 1)[1]) >= 10, said[-3000:]
    assert "signed in None" in said
    assert "DEBUG" in said, "else the libraries said nothing"
    assert "Traceback" in said
    assert CANARY not in said


@pytest.mark.parametrize(
    "words",
    ["doctor", "topics check", "settlement relay", "attribution worker", "explain o_1", "config", "console --port 0"],
)
def test_no_command_says_a_wrong_password(
    words: str, topics: SecureBroker, migrated: dict[str, str], tmp_path: Path
) -> None:
    port = make_url(migrated["KOC_DATABASE_URL"]).port or 0
    done = koc(*words.split(), **wrong_everywhere(topics, port, tmp_path))
    assert CANARY not in done.stdout + done.stderr
    assert (done.returncode != 0) == (words != "config")


def test_metrics_and_the_log_of_a_running_process_hold_no_secret(
    topics: SecureBroker, migrated: dict[str, str], tmp_path: Path
) -> None:
    environment = migrated | topics.by_password("koc-relay")
    with KocProcess(tmp_path, "relay", ["settlement", "relay"], environment) as relay:
        until(relay.is_ready, "the relay is ready", 90, relay)
        answers = [relay.get(path) for path in ("/metrics", "/healthz", "/readyz")]
        assert relay.terminate() == 0
    said = "".join(answers) + relay.log()
    assert "koc_relay" in said
    for name, value in environment.items():
        if name in SECRETS:
            secret = make_url(value).password if name.endswith("_URL") else value
            assert secret is None or str(secret) not in said, name


LOUD = """
import logging
logging.getLogger().setLevel(logging.DEBUG)
logging.Logger.setLevel = lambda *_: None
from services.console.server import serve
serve("127.0.0.1", 0, lambda address: print(f"the console is at {address}", flush=True))
"""


class LoudConsole(ConsoleProcess):
    """A console whose libraries all log at level debug."""

    def start(self) -> None:
        self._run([sys.executable, "-c", LOUD])


@pytest.fixture
def person(database: TlsPostgres, migrated: dict[str, str]) -> Iterator[str]:
    """Somebody in the role koc_operator whose password is the canary."""
    assert migrated
    name = "koc_operator_canary"
    with psycopg.connect(database.superuser_dsn(), autocommit=True) as server:
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{CANARY}' IN ROLE koc_operator")
        yield name
        server.execute(f"DROP ROLE {name}")


def test_a_password_that_a_person_types_into_the_console_stays_there(
    person: str, topics: SecureBroker, migrated: dict[str, str], tmp_path: Path
) -> None:
    environment = migrated | topics.by_password("koc-console") | {"KOC_CONSOLE_TOKEN": f"{CANARY}-read"}
    with LoudConsole(tmp_path, environment=environment) as process:
        with ConsoleClient(process.address, f"{CANARY}-read") as console:
            shown = console.fail_to_sign_in(person, f"{CANARY}-mistyped")
            console.sign_in(person, CANARY)
            shown += "".join(console.page(page) for page in ("/", "/enter", "/runs", "/dead-letters", "/health"))
            kept = str(console.cookies)
        shown += "".join(process.get(path) for path in ("/metrics", "/healthz", "/readyz"))
        assert process.terminate() == 0
    log = process.log()
    assert '"level": "debug"' in log, "else the libraries said nothing"
    assert f'<span class="person">{person}</span>' in shown
    assert 'koc_console_sign_ins_total{outcome="refused"} 1.0' in shown
    assert CANARY not in log + shown + kept
    for name, value in environment.items():
        if name in SECRETS:
            secret = make_url(value).password if name.endswith("_URL") else value
            assert secret is None or str(secret) not in log + shown, name
