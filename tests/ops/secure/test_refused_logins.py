"""A wrong certificate, password or name is one sentence that says so, at once, with status 78, and without a secret."""

import subprocess
from pathlib import Path

import pytest

from services.kernel.errors import StartRefused
from services.runtime import kafka
from services.runtime.settings import REPOSITORY
from tests.kit.certificates import Authority
from tests.kit.command import koc
from tests.kit.console_client import ConsoleClient
from tests.kit.console_process import ConsoleProcess
from tests.kit.secure_broker import SecureBroker
from tests.kit.stacks import with_environment
from tests.kit.tls_postgres import CERTIFIED, TlsPostgres
from tests.kit.waiting import until

WRONG = "wr0ng-s3cret"


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a command ended with; a process may have logged its start before."""
    assert done.returncode == 78, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert WRONG not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if '"level": "info"' not in line]
    assert len(lines) == 1, done.stderr
    return lines[0].removeprefix("koc: ")


@pytest.fixture(scope="module")
def cases(broker: SecureBroker, stranger: Authority) -> dict[str, tuple[dict[str, str], str]]:
    """Variables that are wrong in one point, and what must be said of it."""
    by_password, by_certificate = broker.by_password("koc-topics"), broker.by_certificate("koc-topics")
    foreign = stranger.client("koc-topics")
    at_localhost = {"KOC_KAFKA_BOOTSTRAP": f"localhost:{broker.ports['sasl']}"}
    return {
        "another authority": (
            by_password | {"KOC_KAFKA_CA_FILE": str(stranger.file)},
            "does not hold: unable to get local issuer certificate; KOC_KAFKA_CA_FILE must hold its CA",
        ),
        "another host name": (
            by_password | at_localhost,
            "certificate is not valid for 'localhost'; KOC_KAFKA_CA_FILE",
        ),
        "a wrong password": (
            by_password | {"KOC_KAFKA_PASSWORD": WRONG},
            "does not let the user koc-topics in by SCRAM-SHA-512: see KOC_KAFKA_USERNAME, KOC_KAFKA_PASSWORD",
        ),
        "another mechanism": (
            by_password | {"KOC_KAFKA_SASL_MECHANISM": "PLAIN"},
            "does not let the user koc-topics in by PLAIN: see",
        ),
        "no certificate": (
            {name: value for name, value in by_certificate.items() if "_CLIENT_" not in name},
            "KOC_KAFKA_CLIENT_CERT_FILE is not set, and it asks for one",
        ),
        "a stranger's certificate": (
            by_certificate
            | {"KOC_KAFKA_CLIENT_CERT_FILE": str(foreign.certificate), "KOC_KAFKA_CLIENT_KEY_FILE": str(foreign.key)},
            "KOC_KAFKA_CLIENT_CERT_FILE must hold a certificate of a CA that it trusts",
        ),
        "no CA file": (by_password | {"KOC_KAFKA_CA_FILE": "/none"}, "KOC_KAFKA_CA_FILE=/none cannot be used"),
    }


CASES = (
    "another authority",
    "another host name",
    "a wrong password",
    "another mechanism",
    "no certificate",
    "a stranger's certificate",
    "no CA file",
)


def test_every_case_is_tried(cases: dict[str, object]) -> None:
    assert tuple(cases) == CASES


def _try_again_and_again(**_: object) -> None:
    """What the client itself would do with such a login, until it says that no broker answers."""
    pytest.fail(f"the client would try for {kafka.BOOTSTRAP_MS / 1000} s")


@pytest.mark.parametrize("case", CASES)
def test_kafka_refuses_and_says_why(
    monkeypatch: pytest.MonkeyPatch, case: str, cases: dict[str, tuple[dict[str, str], str]]
) -> None:
    monkeypatch.setattr("kafka.admin.KafkaAdminClient", _try_again_and_again)
    environment, why = cases[case]
    kafka._log_in.cache_clear()
    with with_environment(environment), pytest.raises(StartRefused) as refused, kafka.admin():
        pass
    assert why in str(refused.value)
    assert WRONG not in str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        "topics check",
        "publish {events}",
        "dlq list",
        "drain --timeout 5",
        "settlement run --timeout 5",
        "ledger audit --from-topics",
        "attribution worker",
        "settlement poster",
        "settlement relay",
    ],
)
def test_every_client_says_so(
    words: str, cases: dict[str, tuple[dict[str, str], str]], migrated: dict[str, str], tmp_path: Path
) -> None:
    file = REPOSITORY / "schemas/examples/click/valid.json"
    environment, why = cases["a wrong password"]
    done = koc(*words.format(events=file).split(), **migrated, **environment, KOC_STATE_DIR=str(tmp_path))
    assert why in sentence(done)


def test_the_console_goes_on_and_a_page_that_asks_kafka_says_so(
    cases: dict[str, tuple[dict[str, str], str]], migrated: dict[str, str], tmp_path: Path
) -> None:
    environment, why = cases["a wrong password"]
    with ConsoleProcess(tmp_path, environment={**migrated, **environment}) as process:
        with ConsoleClient(process.address) as console:
            until(lambda: why in console.page("/dead-letters"), "a page says why Kafka lets nobody in", process=process)
            console.page("/runs")
            shown = console.page("/dead-letters")
        assert process.terminate() == 0
    assert WRONG not in shown + process.log()


def test_doctor_names_both_and_goes_on(cases: dict[str, tuple[dict[str, str], str]], database: TlsPostgres) -> None:
    kafka, why = cases["another host name"]
    wrong = {
        "KOC_DATABASE_READER_URL": database.url(CERTIFIED, host="localhost"),
        "KOC_DATABASE_PAYER_URL": database.url("koc_operator_local"),
    }
    done = koc("doctor", **database.environment() | kafka | wrong)
    assert done.returncode == 1
    (broker,) = [line for line in done.stdout.splitlines() if "kafka:" in line]
    assert why in broker
    (reader,) = [line for line in done.stdout.splitlines() if "role koc_reader:" in line]
    assert 'does not match host name "localhost"' in reader
    (payer,) = [line for line in done.stdout.splitlines() if "payer:" in line]
    assert "koc_operator_local is not in the role koc_payer: as a superuser, GRANT koc_payer TO" in payer
    assert "ok       role koc_owner" in done.stdout
    assert "ok       approver: koc_approver_local on PostgreSQL" in done.stdout
