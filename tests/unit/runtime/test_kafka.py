"""How settings become the arguments of the three Kafka libraries, and who owns a key."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaConnectionError
from kafka.partitioner import murmur2

from services.runtime import kafka
from services.runtime.settings import settings


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
    broker = kafka.faust_broker()
    assert broker.urls == ["kafka://a:1", "kafka://b:2"]
    assert broker.credentials.protocol.value == "SASL_SSL"
    assert broker.credentials.password == "secret"


@pytest.mark.parametrize(("protocol", "tls"), [("PLAINTEXT", False), ("SASL_PLAINTEXT", False), ("SSL", True)])
def test_tls_is_used_where_the_protocol_says_so_and_only_there(
    monkeypatch: pytest.MonkeyPatch, protocol: str, tls: bool
) -> None:
    monkeypatch.setenv("KOC_KAFKA_SECURITY_PROTOCOL", protocol)
    assert ("ssl_context" in kafka.kafka_python_options()) == tls


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
