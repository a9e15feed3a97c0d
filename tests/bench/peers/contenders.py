"""Who is compared: our worker and the peers, each a process that reads both input topics and publishes credits."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from kafka.errors import CoordinatorNotAvailableError

from schemas.topics import CLICKS, CREDITS, ORDERS
from services.attribution.worker.startup import GROUP
from services.runtime.kafka import admin
from services.runtime.local.requirements import java
from services.runtime.settings import REPOSITORY, settings
from tests.bench.peers import builds
from tests.kit.attribution_process import Worker
from tests.kit.waiting import until

_STOP_SECONDS = 60
_JVM = ("-Xms1g", "-Xmx2g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


class Place(NamedTuple):
    """What one run may use: a folder, and the names of its consumer group and of its output topic."""

    folder: Path
    group: str
    topic: str


class Contender(NamedTuple):
    """One of the compared.

    Attributes:
        name: its key in .local/bench-peers.json.
        place: where its run of a number takes place, in a folder.
        running: the process, ready when entered and ended with the block.
    """

    name: str
    place: Callable[[Path, int], Place]
    running: Callable[[Place], AbstractContextManager[psutil.Process]]


def _our_place(folder: Path, number: int) -> Place:
    return Place(folder / f"ours-{number}", GROUP, CREDITS.name)


@contextmanager
def _our_worker(place: Place) -> Iterator[psutil.Process]:
    """`koc attribution worker` from nothing: no store, no snapshot, and what an earlier one mirrored is forgotten."""
    until(lambda: forgotten(place.group), "the last worker's session is over")
    snapshots = {"KOC_SNAPSHOT_URL": (place.folder / "snapshots").as_uri()}
    with Worker(place.folder, environment=snapshots) as worker:
        until(worker.is_ready, "our worker is ready", process=worker)
        yield psutil.Process(worker.pid)
        worker.terminate()


def forgotten(group: str) -> bool:
    """Have Kafka forget a group; it refuses while the group has members, or before its own groups topic is there."""
    with admin() as client:
        try:
            return client.delete_groups([group])[group] in {"OK", "GroupIdNotFoundError"}
        except CoordinatorNotAvailableError:
            return False


def _peer(name: str, command: Callable[[], list[str]]) -> Contender:
    """A process of another engine; `command` builds it and says how it is started, but for its connections."""

    def place(folder: Path, number: int) -> Place:
        return Place(folder / f"{name}-{number}", f"peer-{name}-{number}", f"peer.{name}.{number}")

    @contextmanager
    def running(place: Place) -> Iterator[psutil.Process]:
        place.folder.mkdir(parents=True)
        wires = [settings().kafka_bootstrap, place.group, CLICKS.name, ORDERS.name, place.topic]
        log = place.folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command(), *wires, str(place.folder / "state")], stdout=out, stderr=out, cwd=REPOSITORY
            )
        try:
            until(lambda: _is_ready(process, log), f"{name} is ready, see {log}")
            yield psutil.Process(process.pid)
            process.terminate()
            process.wait(_STOP_SECONDS)
        finally:
            process.kill()
            process.wait()

    return Contender(name, place, running)


def _is_ready(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether a peer has said so.

    Raises:
        AssertionError: it has ended instead.
    """
    if process.poll() is not None:
        raise AssertionError(f"{process.args!r} ended with {process.returncode}: {log.read_text()[-3000:]}")
    return "ready" in log.read_text().splitlines()


def _streams(store: str) -> Callable[[], list[str]]:
    def command() -> list[str]:
        built = builds.kafka_streams()
        return [java().path, *_JVM, "-cp", f"{built / 'classes'}:{built / 'jars'}/*", "koc.peers.Main", store]

    return command


def _quix() -> list[str]:
    return [str(builds.quix() / "bin/python"), "-m", "tests.bench.peers.quix.worker"]


ALL = {
    contender.name: contender
    for contender in (
        Contender("ours", _our_place, _our_worker),
        _peer("kafka_streams_rocksdb", _streams("rocksdb")),
        _peer("kafka_streams_rocksdb_uncached", _streams("uncached")),
        _peer("kafka_streams_memory", _streams("memory")),
        _peer("quix", _quix),
    )
}
