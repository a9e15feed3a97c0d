"""Apache Kafka as one plain Java process: broker and controller in one (KRaft), jars from Maven, no installation."""

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from services.kernel.errors import StartRefused
from services.runtime.local import requirements
from services.runtime.local.layout import Layout, Memory
from services.runtime.settings import REPOSITORY

POM = REPOSITORY / "deploy/kafka/pom.xml"
JARS = REPOSITORY / ".local/kafka"
"""Shared by all stacks of this clone, a folder per content of pom.xml: `koc local reset` leaves it alone."""

_HEAP = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC")
_QUICK = "-XX:TieredStopAtLevel=1"
"""For a Java that soon ends: what its best compiler makes would come too late."""
_LOGGING = (
    "-Xlog:cds=off",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=BROKER://127.0.0.1:{kafka},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=BROKER://127.0.0.1:{kafka}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
controller.quorum.election.timeout.ms=200
controller.quorum.election.backoff.max.ms=100
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=8388608
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """Kafka's part of a stack.

    Attributes:
        layout: where its configuration and data are.
        memory: its ports.
    """

    layout: Layout
    memory: Memory

    @property
    def bootstrap(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.memory.ports['kafka']}"

    @property
    def command(self) -> list[str]:
        """Starts it, once `configure` and `format_command` are done."""
        return [*_java_with_jars(self._class_archive()), "kafka.Kafka", str(self.layout.broker / "server.properties")]

    @property
    def formatted(self) -> bool:
        """Whether its data folder is ready for use."""
        return (self.layout.broker / "data").exists()

    def keep_class_archive(self) -> None:
        """It has ended cleanly: the classes it loaded, ready for use, spare every later start half of its work."""
        if self._new_archive.exists() and not _class_archive().exists():
            partial = _class_archive().with_suffix(f".{os.getpid()}")
            shutil.move(self._new_archive, partial)
            partial.replace(_class_archive())

    @property
    def _new_archive(self) -> Path:
        """Where the first broker of these jars writes its classes as it ends."""
        return self.layout.broker / "classes.jsa"

    def _class_archive(self) -> str:
        """Use the archive of loaded classes, or write it."""
        archive = _class_archive()
        return (
            f"-XX:SharedArchiveFile={archive}" if archive.exists() else f"-XX:ArchiveClassesAtExit={self._new_archive}"
        )

    def configure(self) -> None:
        """Write server.properties with today's ports."""
        self._write("server.properties", self.layout.broker / "data")

    def format_command(self) -> list[str]:
        """Formats a new data folder under another name, so that a half-formatted one is never taken for whole."""
        partial = self.layout.broker / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._write("format.properties", partial)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        config = str(self.layout.broker / "format.properties")
        archive = [self._class_archive()] if _class_archive().exists() else []
        java = _java_with_jars(_QUICK, *archive)
        return [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", config]

    def accept_format(self) -> None:
        """The format command succeeded: its folder is the data folder now."""
        (self.layout.broker / "data.partial").rename(self.layout.broker / "data")
        (self.layout.broker / "format.properties").unlink()

    def _write(self, name: str, data: Path) -> None:
        """One properties file."""
        self.layout.broker.mkdir(exist_ok=True)
        (self.layout.broker / name).write_text(_PROPERTIES.format(**self.memory.ports, data=data))


def _java_with_jars(*more: str) -> list[str]:
    """Java with a small heap, quiet logs and Kafka's jars on its class path."""
    return [requirements.java().path, *_HEAP, *_LOGGING, *more, "-cp", f"{jars_folder()}/*"]


def _class_archive() -> Path:
    """Where all stacks find it; a Java accepts only its own."""
    return jars_folder() / f"classes-{requirements.java().version}.jsa"


def jars_folder() -> Path:
    """Where the jars of the committed pom.xml are, or will be."""
    return JARS / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]


def fetch_jars() -> bool:
    """Have Maven copy the jars unless they are there; whether it had to. Several stacks may ask at once.

    Raises:
        StartRefused: Maven is missing or failed.
    """
    folder = jars_folder()
    if folder.exists():
        return False
    mvn = requirements.maven()
    JARS.mkdir(parents=True, exist_ok=True)
    with (JARS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return False
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
        done = subprocess.run([mvn, "-B", "-q", "-f", str(POM), *goal], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            told = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
            raise StartRefused(
                f"Maven could not fetch Kafka's jars ({told[0]}): is its repository reachable from here?"
            )
        partial.rename(folder)
    return True
