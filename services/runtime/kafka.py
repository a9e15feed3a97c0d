"""How every client of ours reaches Kafka: one place for addresses, SASL and TLS, and for who owns which partition."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from schemas.partitioning import partition_of as partition_of  # noqa: PLC0414 - offered here too, by its own name
from services.kernel.errors import StartRefused
from services.runtime.settings import settings

BOOTSTRAP_MS = 10_000
"""How long an administrative command waits for a broker."""

PROMPT_MS = 2_500
"""How long a command waits for a broker when a person only wants to look."""

RECONNECT_MS = 1_000
"""The longest pause between two attempts to reach a broker."""


def _tls() -> ssl.SSLContext | None:
    """The TLS context that the security protocol asks for, names and certificates always checked; None without TLS.

    Raises:
        StartRefused: a file of certificates or keys cannot be used.
    """
    known = settings()
    if known.kafka_security_protocol not in {"SSL", "SASL_SSL"}:
        return None
    ca_file = known.kafka_ca_file
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as problem:
        raise StartRefused(f"KOC_KAFKA_CA_FILE={ca_file} cannot be used: {problem.strerror or problem}") from None
    if known.kafka_client_cert_file:
        _show_certificate(context, known.kafka_client_cert_file)
    elif known.kafka_client_key_file:
        raise StartRefused("KOC_KAFKA_CLIENT_KEY_FILE is set and KOC_KAFKA_CLIENT_CERT_FILE is not: set both")
    return context


def _show_certificate(context: ssl.SSLContext, certificate: Path) -> None:
    """Have the context prove who we are to brokers that ask.

    Raises:
        StartRefused: the certificate or its key cannot be used.
    """
    key, secret = settings().kafka_client_key_file, settings().kafka_client_key_password
    password = secret.get_secret_value() if secret else ""
    try:
        context.load_cert_chain(certificate, key, lambda: password)  # OpenSSL would ask the terminal for a missing one
    except OSError as problem:
        files = f"KOC_KAFKA_CLIENT_CERT_FILE={certificate} with KOC_KAFKA_CLIENT_KEY_FILE={key or certificate}"
        unfit = "they are no certificate and its key, or KOC_KAFKA_CLIENT_KEY_PASSWORD is not the key's"
        reason = unfit if isinstance(problem, ssl.SSLError) else problem.strerror
        raise StartRefused(f"{files} cannot be used: {reason}") from None


class _Password(str):
    """A password that does not show where a client logs its settings, as kafka-python's does at level debug."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def _options() -> dict[str, Any]:
    """The arguments that aiokafka and kafka-python share.

    Raises:
        StartRefused: user or password are missing, or a file of certificates cannot be used.
    """
    known = settings()
    options: dict[str, Any] = {
        "bootstrap_servers": known.kafka_bootstrap.split(","),
        "security_protocol": known.kafka_security_protocol,
    }
    if context := _tls():
        options["ssl_context"] = context
    if known.kafka_security_protocol.startswith("SASL"):
        if not known.kafka_username or not known.kafka_password:
            protocol = f"KOC_KAFKA_SECURITY_PROTOCOL={known.kafka_security_protocol}"
            raise StartRefused(f"{protocol} needs KOC_KAFKA_USERNAME and KOC_KAFKA_PASSWORD: one of them is not set")
        options["sasl_mechanism"] = known.kafka_sasl_mechanism
        options["sasl_plain_username"] = known.kafka_username
        options["sasl_plain_password"] = _Password(known.kafka_password.get_secret_value())
    return options


def aiokafka_options() -> dict[str, Any]:
    """Connection arguments of an aiokafka client: `AIOKafkaProducer(**aiokafka_options())`."""
    return _options()


def kafka_python_options() -> dict[str, Any]:
    """Connection arguments of a kafka-python client: `KafkaConsumer(**kafka_python_options())`.

    Its own pause between attempts grows fourfold up to 30 s: a client would sleep long after the broker is back.
    """
    return {**_options(), "reconnect_backoff_max_ms": RECONNECT_MS}


@dataclass(frozen=True, slots=True)
class FaustBroker:
    """What `faust.App` takes: `faust.App(id, broker=b.urls, broker_credentials=b.credentials)`."""

    urls: list[str]
    credentials: Any


def faust_broker() -> FaustBroker:
    """Faust's words for the same connection: broker URLs and a credentials object (None for plaintext)."""
    import faust

    options = _options()
    urls = [f"kafka://{address}" for address in options["bootstrap_servers"]]
    if options["security_protocol"].startswith("SASL"):
        return FaustBroker(
            urls,
            faust.SASLCredentials(
                username=options["sasl_plain_username"],
                password=options["sasl_plain_password"],
                mechanism=options["sasl_mechanism"],
                ssl_context=options.get("ssl_context"),
            ),
        )
    if "ssl_context" in options:
        return FaustBroker(urls, faust.SSLCredentials(context=options["ssl_context"]))
    return FaustBroker(urls, None)


def no_broker(error: BaseException) -> ConnectionError:
    """What a client's failure to connect means, in a sentence that names the address."""
    protocol = settings().kafka_security_protocol
    over = "" if protocol == "PLAINTEXT" else f" over {protocol}"
    reason = "" if "bootstrap" in str(error) else f": {error}"
    return ConnectionError(f"no Kafka broker answers at {settings().kafka_bootstrap}{over}{reason}")


def _log_in_once() -> None:
    """Before the first client of this process connects with TLS or a password: see whether a broker lets us in.

    Raises:
        StartRefused: a certificate or a password is wrong, ours or the broker's.
    """
    if settings().kafka_security_protocol != "PLAINTEXT":
        _log_in(settings().kafka_bootstrap)


@cache
def _log_in(bootstrap: str) -> None:
    """Ask once; `bootstrap` names whom."""
    from services.runtime.kafka_login import check_login

    del bootstrap
    asyncio.run(check_login(aiokafka_options()))


@contextmanager
def admin() -> Iterator[Any]:
    """A kafka-python admin client, closed at the end of the block.

    Raises:
        ConnectionError: no broker answers, or it went away; one sentence that names the address.
        StartRefused: a broker answers and does not let us in.
    """
    from kafka.admin import KafkaAdminClient

    options = {**kafka_python_options(), "client_id": "koc-admin", "bootstrap_timeout_ms": BOOTSTRAP_MS}
    with _connection(lambda network: KafkaAdminClient(**options, kafka_client=network)) as client:
        yield client


@contextmanager
def log_reader(**more: Any) -> Iterator[Any]:
    """A kafka-python consumer that belongs to no group and commits nothing, closed at the end of the block.

    Args:
        more: further arguments of `KafkaConsumer`.

    Raises:
        ConnectionError: no broker answers, or it went away; one sentence that names the address.
        StartRefused: a broker answers and does not let us in.
    """
    from kafka import KafkaConsumer

    alone = {"group_id": None, "enable_auto_commit": False}
    options = {**kafka_python_options(), "client_id": "koc-reader", "bootstrap_timeout_ms": PROMPT_MS, **more, **alone}
    with _connection(lambda network: KafkaConsumer(**options, kafka_client=network)) as client:
        yield client


@contextmanager
def _connection(connect: Callable[[Callable[..., Any]], Any]) -> Iterator[Any]:
    """A client of kafka-python, closed at the end of the block; what its failures mean is a sentence.

    A client starts a thread, and then looks for a broker; where none answers it would leave the thread and its sockets
    behind.

    Args:
        connect: makes the client, with what it is given as `kafka_client`.
    """
    from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
    from kafka.net.compat import KafkaNetClient

    _log_in_once()
    networks: list[KafkaNetClient] = []

    def network(**options: Any) -> KafkaNetClient:
        networks.append(KafkaNetClient(**options))
        return networks[-1]

    try:
        client = connect(network)
    except BaseException as error:
        for one in networks:
            one.close()
        if isinstance(error, KafkaError):
            raise no_broker(error) from error
        raise
    try:
        yield client
    except (KafkaConnectionError, KafkaTimeoutError) as error:
        raise ConnectionError(f"the Kafka broker at {settings().kafka_bootstrap} went away: {error}") from error
    finally:
        client.close()


@asynccontextmanager
async def producer(**options: Any) -> AsyncIterator[Any]:
    """An aiokafka producer that keeps the order and waits for all replicas, closed at the end of the block.

    Args:
        options: further arguments of `AIOKafkaProducer`.

    Raises:
        ConnectionError: no broker answers, or it did not take all.
        StartRefused: a broker answers and does not let us in.
    """
    from aiokafka import AIOKafkaProducer
    from aiokafka.errors import KafkaConnectionError, KafkaError

    await asyncio.to_thread(_log_in_once)
    client = AIOKafkaProducer(**aiokafka_options(), acks="all", enable_idempotence=True, linger_ms=5, **options)
    try:
        try:
            async with asyncio.timeout(PROMPT_MS / 1000):
                await client.start()
        except (KafkaConnectionError, TimeoutError) as error:
            raise no_broker(error) from error
        try:
            yield client
        except KafkaError as error:
            raise ConnectionError(
                f"the Kafka broker at {settings().kafka_bootstrap} did not take everything: {error}; some of it may be"
                " published, and publishing it again does no harm"
            ) from error
    finally:
        await client.stop()
