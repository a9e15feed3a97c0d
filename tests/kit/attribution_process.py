"""A real worker process and the topics around it, for tests and the bench."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas.topics import BUYER_PARTITIONS, CLICKS, CREDITS, ORDERS
from services.kernel.time import DAY, HOUR, format_rfc3339
from services.runtime.kafka import admin, kafka_python_options, partition_of
from services.runtime.local import child
from services.runtime.topics import log_ends
from services.settlement.domain.lines.vectors import Vector, dominates

GROUP = "koc-attribution"
INPUTS = (CLICKS.name, ORDERS.name)
START = 20_758 * DAY
"""2026-11-01T00:00:00Z."""
BROKEN = Path(__file__).with_name("attribution_broken_worker.py")


def until(holds: Callable[[], bool], what: str, seconds: float = 60.0, worker: "Worker | None" = None) -> None:
    """Wait for a condition, not for a time; a worker that ended meanwhile is an error."""
    deadline = time.monotonic() + seconds
    while not holds():
        if worker is not None and worker.process is not None and worker.process.poll() is not None:
            raise AssertionError(f"the worker ended with {worker.process.returncode}: {worker.log()[-3000:]}")
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; {worker.log()[-3000:] if worker else ''}")
        time.sleep(0.05)


class Worker:
    """`koc attribution worker` in a folder of its own; ended with the block."""

    def __init__(self, folder: Path, name: str = "attribution-1", environment: dict[str, str] | None = None) -> None:
        self.folder, self.name = folder, name
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = environment or {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, break_how: str | None = None) -> None:
        """Start it; `break_how` names an injected fault of attribution_broken_worker.py."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(BROKEN), break_how] if break_how else ["koc", "attribution", "worker"]
        if not break_how:
            command[0] = str(Path(sys.executable).with_name("koc"))
        dies_with_us = [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), str(int(signal.SIGKILL)), "-1"]
        environment = {
            **os.environ,
            **self._environment,
            "KOC_STATE_DIR": str(self.folder / "state"),
            "KOC_RUN_DIR": str(self.folder / "run"),
            "KOC_INSTANCE_ID": self.name,
            "KOC_LOG_FORMAT": "json",
        }
        self._address.unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*dies_with_us, *command], env=environment, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self.process is not None
        return self.process.pid

    @property
    def _address(self) -> Path:
        return self.folder / "run" / f"{self.name}.json"

    def is_ready(self) -> bool:
        """Whether it answers that partitions are assigned."""
        try:
            return self.get("/readyz") == "ok\n"
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def ended(self, seconds: float = 60) -> int:
        """Wait for it to end by itself; its exit status."""
        assert self.process is not None
        return self.process.wait(seconds)

    def log(self) -> str:
        """All it has written."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    def get(self, path: str) -> str:
        """An answer of its health server."""
        port = json.loads(self._address.read_text())["http_port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())


def publish(topic: str, events: Iterable[dict[str, Any] | bytes], buyer: str = "", partition: int | None = None,
            headers: list[tuple[str, bytes]] | None = None) -> None:  # fmt: skip
    """Publish events under their buyer's key, to their key's partition unless told otherwise."""
    producer = KafkaProducer(**kafka_python_options())
    for event in events:
        key = buyer if isinstance(event, bytes) else str(event.get("buyer_id", buyer))
        at = partition_of(key.encode(), BUYER_PARTITIONS) if partition is None else partition
        value = event if isinstance(event, bytes) else json.dumps(event).encode()
        producer.send(topic, value=value, key=key.encode(), partition=at, headers=headers or [])
    producer.flush()
    producer.close()


def lag() -> int:
    """Records of the inputs that the group has not made durable."""
    with admin() as client:
        committed = {tuple(at): place.offset for at, place in client.list_group_offsets(GROUP)[GROUP].items()}
    return sum(max(0, end - committed.get(at, 0)) for at, end in log_ends(INPUTS).items())


def drained(worker: Worker, seconds: float = 60.0) -> None:
    """Wait until the worker is ready and all inputs are durable in its stores."""
    until(worker.is_ready, "ready", seconds, worker)
    until(lambda: lag() == 0, "all inputs durable", seconds, worker)


def records(topic: str) -> list[Any]:
    """Every record of a topic."""
    consumer = KafkaConsumer(**kafka_python_options(), group_id=None, auto_offset_reset="earliest")
    ends = {TopicPartition(*at): end for at, end in log_ends([topic]).items()}
    consumer.assign(list(ends))
    consumer.seek_to_beginning(*ends)
    found: list[Any] = []
    while any(consumer.position(tp) < end for tp, end in ends.items()):
        for batch in consumer.poll(timeout_ms=500).values():
            found += batch
    consumer.close()
    return found


def truth() -> dict[tuple[str, str], dict[str, Any]]:
    """What a reader of the credits topic ends with, by (order_id, line_id): accept only what dominates."""
    accepted: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records(CREDITS.name):
        new = json.loads(record.value)
        old = accepted.get((new["order_id"], new["line_id"]))
        if old is None or dominates(_vector(new), _vector(old)):
            if old is not None and old["version"] == new["version"]:
                assert new == old
            accepted[new["order_id"], new["line_id"]] = new
    return accepted


def _vector(assertion: dict[str, Any]) -> Vector:
    version = assertion["version"]
    return version["log"], version["rules"], version["touch"], version["order"]


def at(hours: float) -> str:
    """A time so many hours after START."""
    return format_rfc3339(START + int(hours * HOUR))


def buyer_in(partition: int, name: str) -> str:
    """A buyer whose key belongs to a partition."""
    return next(b for i in range(10_000) if partition_of((b := f"{name}_{i}").encode(), BUYER_PARTITIONS) == partition)


def click(buyer: str, event_id: str, hours: float, **other: Any) -> dict[str, Any]:
    """A click on product p_1 of shop s_1."""
    return {
        "event_id": event_id, "event_type": "click", "occurred_at": at(hours), "platform": "douyin", "buyer_id": buyer,
        "koc_id": "k_1", "content_id": "v_1", "content_type": "video", "product_id": "p_1", "shop_id": "s_1",
        "brand_id": "br_1", "campaign_id": None, "traffic": "natural", **other,
    }  # fmt: skip


def paid(buyer: str, order_id: str, hours: float, **other: Any) -> dict[str, Any]:
    """An order of one line, p_1 for 200.00."""
    return {
        "event_id": f"{order_id}_paid", "event_type": "order.paid", "occurred_at": at(hours), "order_id": order_id,
        "buyer_id": buyer, "platform": "douyin", "shop_id": "s_1", "currency": "CNY",
        "lines": [{"line_id": "1", "product_id": "p_1", "brand_id": "br_1", "quantity": 1, "goods_paid_minor": 20000}],
        **other,
    }  # fmt: skip


def refunded(buyer: str, order_id: str, hours: float, line_id: str = "1", **other: Any) -> dict[str, Any]:
    """A refund of 50.00."""
    return {
        "event_id": f"{order_id}_ref", "event_type": "order.refunded", "occurred_at": at(hours), "order_id": order_id,
        "buyer_id": buyer, "refund_id": "rf", "lines": [{"line_id": line_id, "refund_minor": 5000, "quantity": 0}],
        **other,
    }  # fmt: skip
