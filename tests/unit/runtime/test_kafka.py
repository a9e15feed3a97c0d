"""How settings become the arguments of the three Kafka libraries, and who owns a key."""

import gc
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaConnectionError
from kafka.partitioner import murmur2

from services.kernel.errors import StartRefused
from services.runtime import kafka
from services.runtime.settings import settings
from tests.kit.certificates import Authority


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@given(st.binary(max_size=64), st.integers(1, 100))
def test_a_key_lies_where_kafkas_own_clients_put_it(key: bytes, partitions: int) -> None:
    assert kafka.partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_sasl_over_tls_reaches_every_client(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "KOC_KAFKA_BOOTSTRAP": "a:1,b:2",
        "KOC_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KOC_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
        "KOC_KAFKA_USERNAME": "koc",
        "KOC_KAFKA_PASSWORD": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    options = kafka.aiokafka_options()
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert options["ssl_context"].check_hostname
    assert (options["sasl_mechanism"], options["sasl_plain_password"]) == ("SCRAM-SHA-256", "secret")
    assert "secret" not in str(options), "kafka-python logs its settings at level debug"
    broker = kafka.faust_broker()
    assert broker.urls == ["kafka://a:1", "kafka://b:2"]
    assert broker.credentials.protocol.value == "SASL_SSL"
    assert broker.credentials.password == "secret"


@pytest.mark.parametrize(("protocol", "tls"), [("PLAINTEXT", False), ("SASL_PLAINTEXT", False), ("SSL", True)])
def test_tls_is_used_where_the_protocol_says_so_and_only_there(
    monkeypatch: pytest.MonkeyPatch, protocol: str, tls: bool
) -> None:
    monkeypatch.setenv("KOC_KAFKA_SECURITY_PROTOCOL", protocol)
    monkeypatch.setenv("KOC_KAFKA_USERNAME", "koc")
    monkeypatch.setenv("KOC_KAFKA_PASSWORD", "secret")
    assert ("ssl_context" in kafka.kafka_python_options()) == tls


@pytest.mark.parametrize("given", [{}, {"KOC_KAFKA_USERNAME": "koc"}, {"KOC_KAFKA_PASSWORD": "secret"}])
def test_a_login_without_user_or_password_is_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    for name, value in {"KOC_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", **given}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StartRefused, match="needs KOC_KAFKA_USERNAME and KOC_KAFKA_PASSWORD"):
        kafka.aiokafka_options()


@pytest.fixture
def over_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The options of a client with these variables: `over_tls(KOC_KAFKA_CLIENT_CERT_FILE=…)`."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("KOC_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("KOC_KAFKA_CA_FILE", str(authority.file))

    def options(**variables: object) -> dict[str, Any]:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        settings.cache_clear()
        return kafka.kafka_python_options()

    options.authority = authority
    return options


def test_names_and_certificates_are_always_checked(over_tls: Any) -> None:
    context = over_tls()["ssl_context"]
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_client_certificate_is_loaded_with_the_password_of_its_key(over_tls: Any) -> None:
    files = over_tls.authority.client("poster", "locked")
    given = {"KOC_KAFKA_CLIENT_CERT_FILE": files.certificate, "KOC_KAFKA_CLIENT_KEY_FILE": files.key}
    for wrong in ({}, {"KOC_KAFKA_CLIENT_KEY_PASSWORD": "wr0ng"}):
        with pytest.raises(StartRefused, match="or KOC_KAFKA_CLIENT_KEY_PASSWORD is not the key's") as refused:
            over_tls(**given, **wrong)
        assert "wr0ng" not in str(refused.value)
    assert "ssl_context" in over_tls(**given, KOC_KAFKA_CLIENT_KEY_PASSWORD="locked")


def test_a_certificate_that_is_not_there_or_has_no_key_is_named(over_tls: Any) -> None:
    files = over_tls.authority.client("poster")
    with pytest.raises(StartRefused, match="CERT_FILE is not: set both"):
        over_tls(KOC_KAFKA_CLIENT_KEY_FILE=files.key)
    with pytest.raises(StartRefused, match=r"CERT_FILE=/none with .* cannot be used: .*No such file"):
        over_tls(KOC_KAFKA_CLIENT_CERT_FILE="/none")
    other = over_tls.authority.client("relay")
    with pytest.raises(StartRefused, match="they are no certificate and its key"):
        over_tls(KOC_KAFKA_CLIENT_CERT_FILE=other.certificate)


def test_nobody_listening_is_one_sentence_with_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOC_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setattr(kafka, "BOOTSTRAP_MS", 200)
    with pytest.raises(ConnectionError, match=r"no Kafka broker answers at 127\.0\.0\.1:1"), kafka.admin():
        pass


def test_a_broker_that_goes_away_in_the_middle_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def __init__(self, **options: object) -> None:
            """Connected."""

        def close(self) -> None:
            """Gone."""

    monkeypatch.setattr("kafka.admin.KafkaAdminClient", Client)
    with pytest.raises(ConnectionError, match=r"went away: .*socket disconnected"), kafka.admin():
        raise KafkaConnectionError("socket disconnected")


def _left() -> tuple[int, int]:
    """Threads of kafka-python, and open files of this process, but for what waits for the garbage collector."""
    gc.collect()
    threads = [one for one in threading.enumerate() if one.name.startswith("kafka-io-")]
    return len(threads), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("client", [kafka.admin, kafka.log_reader])
def test_a_client_that_finds_no_broker_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    client: Callable[[], AbstractContextManager[Any]],
) -> None:
    """Whoever tries again every few seconds would run out of files within an outage."""
    caplog.set_level(logging.CRITICAL, "kafka")  # a record that is kept keeps the connection that it tells of
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        monkeypatch.setenv("KOC_KAFKA_BOOTSTRAP", f"127.0.0.1:{unheard.getsockname()[1]}")
        for limit in ("BOOTSTRAP_MS", "PROMPT_MS"):
            monkeypatch.setattr(kafka, limit, 100)
        before, began = _left(), time.monotonic()
        with pytest.raises(ConnectionError, match="no Kafka broker answers"), client():
            pytest.fail("nobody listens there")
        assert time.monotonic() - began < 20, "0.1 s and a machine that stalls; left alone, the client tries for 30 s"
        assert _left() == before
