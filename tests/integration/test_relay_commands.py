"""Commands in their topic, read by a client that is not ours and checked by code that shares nothing with ours."""

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from schemas.commands import Command
from schemas.topics import COMMANDS
from services.operations.drain.positions import LivePositions
from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from tests.kit.books import Books
from tests.kit.commands import given
from tests.kit.processes import KocProcess
from tests.kit.topics import make_again
from tests.kit.waiting import until

pytestmark = pytest.mark.usefixtures("empty_ledger")


@pytest.fixture(autouse=True)
def empty_topic(on_stack: Stack) -> None:
    del on_stack
    make_again([COMMANDS.name])


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[KocProcess]:
    process = KocProcess(tmp_path / "relay", "relay-test", ["settlement", "relay"])
    yield process
    process.kill()


def records(count: int) -> list[tuple[bytes, dict[str, Any], dict[str, bytes]]]:
    """Key, value and headers of that many records of the topic, and of no more."""
    options = {"bootstrap.servers": settings().kafka_bootstrap, "group.id": "a stranger", "enable.auto.commit": False}
    consumer = confluent_kafka.Consumer(options)
    consumer.assign([confluent_kafka.TopicPartition(COMMANDS.name, 0, 0)])
    found: list[Any] = []

    def has_all() -> bool:
        found.extend(one for one in consumer.consume(100, timeout=0.2) if one.error() is None)
        return len(found) >= count

    until(has_all, f"{count} records")
    assert consumer.get_watermark_offsets(confluent_kafka.TopicPartition(COMMANDS.name, 0))[1] == count
    consumer.close()
    return [(one.key(), json.loads(one.value()), dict(one.headers())) for one in found]


def hash_of(message: dict[str, Any]) -> str:
    """As docs/finance.md says."""
    raw = b"koc-command-1"
    for name in ("seq", "command_id", "kind", "by", "reason", "at", "body", "point", "result", "prev_hash"):
        value = message[name]
        if isinstance(value, dict):
            value = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        text = None if value is None else str(value).encode()
        raw += b"\xff" * 4 if text is None else len(text).to_bytes(4, "big") + text
    return hashlib.sha256(raw).hexdigest()


def unpublished() -> int:
    with LivePositions() as positions:
        return positions.reached().unpublished_commands


def test_the_topic_is_the_chain_of_commands_as_the_contract_says(books: Books, relay: KocProcess) -> None:
    for number in range(3):
        given("brand", "paid", "br_2", f"{number + 1}.00", "CNY", "--id", f"paid-{number}")
    given("settlement", "quarantine", "o_1/1/b_1", "--id", "frozen")
    assert unpublished() == 4
    relay.start()
    until(lambda: unpublished() == 0, "all is published")
    found = records(4)
    assert [value["seq"] for _, value, _ in found] == [1, 2, 3, 4]
    prev_hash = "0" * 64
    for key, value, headers in found:
        assert key.decode() == Command.model_validate_json(json.dumps(value), strict=True).key
        assert list(value) == list(Command.model_fields)
        assert (headers["ce_id"], headers["ce_type"]) == (key, b"settlement.commands.v1")
        assert value["prev_hash"] == prev_hash
        prev_hash = hash_of(value)
        assert value["hash"] == prev_hash
    assert books.rows("SELECT encode(hash, 'hex') FROM command ORDER BY seq DESC LIMIT 1") == [(prev_hash,)]
    relay.await_metric("koc_relay_commands_total", 4)
    relay.await_metric("koc_relay_lag_commands", 0)


def test_a_killed_relay_leaves_no_gap(books: Books, relay: KocProcess) -> None:
    relay.start()
    until(relay.is_ready, "the relay is ready")
    given("brand", "paid", "br_2", "1.00", "CNY", "--id", "first")
    until(lambda: unpublished() == 0, "the first is published")
    os.kill(relay.pid, signal.SIGKILL)
    given("brand", "paid", "br_2", "1.00", "CNY", "--id", "second")
    books.plant("UPDATE command_relay SET seq = 0")  # the position was not stored after the acknowledgement
    relay.start()
    until(lambda: unpublished() == 0, "all is published")
    assert [value["command_id"] for _, value, _ in records(3)] == ["first", "first", "second"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE command SET reason = 'other' WHERE seq = 2", "command 2 does not follow command 1"),
        ("DELETE FROM command WHERE seq = 2", "command 3 does not follow command 1"),
    ],
)
def test_a_damaged_chain_is_not_published(books: Books, relay: KocProcess, damage: str, words: str) -> None:
    for number in range(3):
        given("brand", "paid", "br_2", f"{number + 1}.00", "CNY")
    books.grant("ALTER TABLE command DISABLE TRIGGER command_is_immutable")
    books.plant(damage)
    relay.start()
    assert relay.ended() != 0
    assert words in relay.log()
    assert books.rows("SELECT seq FROM command_relay") == [(0,)]


def test_a_commands_topic_made_anew_is_not_written_to(books: Books, relay: KocProcess) -> None:
    given("brand", "paid", "br_2", "1.00", "CNY")
    books.plant("UPDATE command_relay SET seq = 1")
    relay.start()
    assert relay.ended() == 78
    assert "settlement.commands.v1 holds 0 records, 1 were published" in relay.log()
