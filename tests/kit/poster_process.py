"""Poster processes for tests: started, frozen and killed at will, and the topics that feed them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg
from kafka import KafkaProducer

from schemas.topics import CREDITS, REGISTRY
from services.runtime.database import psycopg_dsn
from services.runtime.kafka import admin, kafka_python_options, partition_of
from services.runtime.topics import apply_topics, log_ends
from tests.kit.settlement_facts import Fact

KOC = str(Path(sys.executable).with_name("koc"))
SECONDS = 60.0


def wait_until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s: {what}"
        time.sleep(0.1)


def fresh_topics() -> None:
    """Credits and registry made anew, so that a new database and they begin together."""
    topics = [CREDITS.name, REGISTRY.name, REGISTRY.dlq]
    with admin() as client:
        client.delete_topics(topics)
        wait_until(lambda: not set(topics) & set(client.list_topics()), "topics are deleted")
    apply_topics()


def partition_for(fact: Fact) -> int:
    return partition_of(fact.buyer_id.encode(), CREDITS.partitions)


def publish(facts: Iterable[Fact | tuple[int, bytes]], registry: Iterable[Mapping[str, Any] | bytes] = ()) -> None:
    """Assertions to their buyers' partitions (or raw bytes to a partition), and registry events."""
    producer = KafkaProducer(**kafka_python_options(), linger_ms=20)
    for one in registry:
        producer.send(REGISTRY.name, one if isinstance(one, bytes) else json.dumps(one).encode(), key=b"x")
    for fact in facts:
        partition, raw = fact if isinstance(fact, tuple) else (partition_for(fact), fact.wire())
        producer.send(CREDITS.name, raw, key=b"x", partition=partition)
    producer.flush()
    producer.close()


def positions() -> dict[tuple[str, int], int]:
    with psycopg.connect(psycopg_dsn("reader")) as reader:
        rows = reader.execute("SELECT partition, next_offset FROM writer WHERE partition < 12").fetchall()
        (registry,) = reader.execute("SELECT next_offset FROM registry_position").fetchone() or (0,)
        return {(CREDITS.name, n): offset for n, offset in rows} | {(REGISTRY.name, 0): registry}


def all_is_posted() -> bool:
    """Positions first: whatever opens a job has moved one."""
    if positions() != log_ends([CREDITS.name, REGISTRY.name]):
        return False
    with psycopg.connect(psycopg_dsn("reader")) as reader:
        return reader.execute("SELECT FROM reprice_progress WHERE NOT done").fetchone() is None


class PosterProcess:
    """One `koc settlement poster`.

    Args:
        run_dir: for its log and health address.
        name: its instance id, which Kafka knows it by.
        environment: further variables.
    """

    def __init__(self, run_dir: Path, name: str, environment: Mapping[str, str]) -> None:
        run_dir.mkdir(exist_ok=True)
        self.name = name
        self._run_dir = run_dir
        self.log = run_dir / f"{name}.log"
        variables = {**os.environ, "KOC_RUN_DIR": str(run_dir), "KOC_INSTANCE_ID": name, **environment}
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen([KOC, "settlement", "poster"], env=variables, stderr=errors)

    def get(self, path: str) -> str:
        address = json.loads((self._run_dir / f"{self.name}.json").read_text())
        with urllib.request.urlopen(f"http://127.0.0.1:{address['http_port']}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, series: str) -> float:
        """The value of a series, as `name{label="x"}`; 0 where there is none."""
        values = [line.rpartition(" ") for line in self.get("/metrics").splitlines() if not line.startswith("#")]
        return sum(float(value) for name, _, value in values if name == series)

    def locks(self) -> set[tuple[str, bool]]:
        """Tables that its transactions have locked (True), or wait for (False)."""
        with psycopg.connect(psycopg_dsn("reader")) as reader:
            rows = reader.execute(
                "SELECT relname, granted FROM pg_stat_activity JOIN pg_locks USING (pid)"
                " JOIN pg_class ON pg_class.oid = relation WHERE application_name = %s",
                (f"koc-{self.name}",),
            )
            return {(name, granted) for name, granted in rows}

    def freeze_within_a_transaction(self, publish_more: Callable[[], None], table: str = "journal") -> None:
        """SIGSTOP while it holds its writers' rows; it cannot end a transaction, for we hold a table it writes to.

        Args:
            publish_more: what it is to be at work on; all before is posted.
            table: journal, which it fills by COPY, or balance, which it updates.
        """
        with psycopg.connect(psycopg_dsn("owner")) as owner:
            owner.execute(f"LOCK TABLE {table} IN SHARE MODE")
            publish_more()
            wait_until(lambda: {("writer", True), (table, False)} <= self.locks(), "it is within a transaction")
            self.process.send_signal(signal.SIGSTOP)
            wait_until(lambda: psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED, "it is frozen")
        wait_until(lambda: (table, False) not in self.locks(), "the server has done what it can without it")
        assert ("writer", True) in self.locks()

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(SECONDS)


class CommitCutter:
    """A proxy before PostgreSQL that cuts a connection when it sees COMMIT of a transaction that wrote the journal.

    Args:
        port: of the server on loopback.
        times: how many commits to cut before it lets all through. Every other time the server gets the COMMIT, and its
            answer never arrives; of the rest nothing.
    """

    def __init__(self, port: int, times: int) -> None:
        self._port = port
        self.cuts_left = times
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        wrote = False
        while data := self._receive(client):
            wrote = wrote or b"COPY journal" in data
            if wrote and b"COMMIT\0" in data and self.cuts_left:
                self.cuts_left -= 1
                client.shutdown(socket.SHUT_RDWR)
                if self.cuts_left % 2:
                    server.sendall(data)
                break
            server.sendall(data)
        self._end(server, socket.SHUT_WR)
        client.close()

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := self._receive(server):
                client.sendall(data)
        except OSError:
            pass
        self._end(client, socket.SHUT_RDWR)
        server.close()

    @staticmethod
    def _end(one: socket.socket, how: int) -> None:
        """Shut down, for its reader to close: who closes what another thread waits for tells nobody."""
        with contextlib.suppress(OSError):
            one.shutdown(how)

    @staticmethod
    def _receive(one: socket.socket) -> bytes:
        try:
            return one.recv(1 << 16)
        except OSError:
            return b""

    def close(self) -> None:
        self._listener.close()
