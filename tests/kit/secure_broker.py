"""A broker that knows its clients: SASL over TLS and mutual TLS on loopback, and nobody may do what is not listed."""

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from services.runtime.local.broker import Broker, fetch_jars
from services.runtime.local.layout import Layout, Memory
from services.runtime.local.process import Process
from tests.kit.certificates import Authority
from tests.kit.processes import end
from tests.kit.waiting import until

_MORE = """
listeners=BROKER://127.0.0.1:{kafka},CONTROLLER://127.0.0.1:{controller},SASL://127.0.0.1:{sasl},MTLS://127.0.0.1:{mtls}
advertised.listeners=BROKER://127.0.0.1:{kafka},SASL://127.0.0.1:{sasl},MTLS://127.0.0.1:{mtls}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.mtls.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
ssl.keystore.type=PEM
ssl.keystore.location={store}
ssl.truststore.type=PEM
ssl.truststore.location={trusted}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
connection.failed.authentication.delay.ms=20
"""
"""What comes after the local stack's own lines, of which the last one counts. ANONYMOUS is the broker itself."""

_AUDIT = "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=debug"
"""The authorizer says of each request by which rule it is allowed."""

HOST = "127.0.0.1"


class SecureBroker:
    """Real Kafka with the standard authorizer; ended with the block.

    Args:
        folder: for its data.
        authority: issues the broker's certificate, for 127.0.0.1 alone, and clients' certificates.
        users: who may log in with a password; their principals are `User:NAME`.
    """

    def __init__(self, folder: Path, authority: Authority, users: Iterable[str]) -> None:
        self.authority = authority
        self.passwords = {user: secrets.token_hex(12) for user in users}
        self._layout = Layout(folder)
        self._memory = Memory()
        self._process: Process | None = None

    @property
    def ports(self) -> dict[str, int]:
        """By listener: kafka (of the broker itself), sasl, mtls."""
        return self._memory.ports

    @property
    def own_bootstrap(self) -> str:
        """Where the test itself is a superuser, without TLS."""
        return f"{HOST}:{self.ports['kafka']}"

    def by_password(self, user: str) -> dict[str, str]:
        """The variables of a process that logs in with a password."""
        return self._over("sasl", "SASL_SSL") | {
            "KOC_KAFKA_USERNAME": user,
            "KOC_KAFKA_PASSWORD": self.passwords[user],
        }

    def by_certificate(self, user: str) -> dict[str, str]:
        """The variables of a process that shows a certificate."""
        files = self.authority.client(user)
        return self._over("mtls", "SSL") | {
            "KOC_KAFKA_CLIENT_CERT_FILE": str(files.certificate),
            "KOC_KAFKA_CLIENT_KEY_FILE": str(files.key),
        }

    def _over(self, listener: str, protocol: str) -> dict[str, str]:
        return {
            "KOC_KAFKA_BOOTSTRAP": f"{HOST}:{self.ports[listener]}",
            "KOC_KAFKA_SECURITY_PROTOCOL": protocol,
            "KOC_KAFKA_CA_FILE": str(self.authority.file),
        }

    def __enter__(self) -> Self:
        fetch_jars()
        self._layout.folder.mkdir(parents=True, exist_ok=True)
        self._memory.choose_ports(self._layout, ("kafka", "controller", "sasl", "mtls"))
        broker = Broker(self._layout, self._memory)
        scram = [f"--add-scram=SCRAM-SHA-512=[name={user},password={word}]" for user, word in self.passwords.items()]
        done = subprocess.run([*broker.format_command(), *scram], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        broker.accept_format()
        broker.configure()
        store = self.authority.server_store(HOST)
        with (self._layout.broker / "server.properties").open("a") as properties:
            properties.write(_MORE.format(**self.ports, store=store, trusted=self.authority.file))
        environment = {**os.environ, "JDK_JAVA_OPTIONS": f"{os.environ.get('JDK_JAVA_OPTIONS', '')} {_AUDIT}"}
        self._process = Process("kafka", broker.command, environment, self._layout.folder / "kafka.log")
        self._process.death_signal = signal.SIGTERM
        self._process.start()
        until(self._listens, "the broker listens", 120, self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        end(self._process)

    def problem(self) -> str | None:
        """With which status it ended; None while it runs."""
        status = self._process.exit_status() if self._process else None
        return None if status is None else f"the broker ended with {status}"

    def last_words(self) -> str:
        """The end of its log."""
        return self.log()[-3000:]

    def log(self) -> str:
        """All that it has logged, what it allowed and denied among it."""
        return (self._layout.folder / "kafka.log").read_text()

    def _listens(self) -> bool:
        return all(_answers(self.ports[name]) for name in ("kafka", "sasl", "mtls"))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
