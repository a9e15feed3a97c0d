"""The relay as a process on real PostgreSQL and Kafka: the topic holds the journal, gapless and in order."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.produce import ProduceRequest
from kafka.consumer.fetcher import ConsumerRecord

from schemas.ledger import LedgerEntry
from schemas.topics import LEDGER
from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from services.settlement.relay.process import Relay, make_producer
from services.settlement.relay.store import RelayStore
from tests.kit.books import Books
from tests.kit.processes import KocProcess
from tests.kit.registry_events import ACCEPTED, CONTENT, PLAN, RELATION
from tests.kit.settlement_facts import Fact
from tests.kit.topics import records
from tests.kit.waiting import until

pytestmark = pytest.mark.usefixtures("empty_ledger")


@pytest.fixture
def start_relay(tmp_path: Path) -> Iterator[Callable[[], KocProcess]]:
    started: list[KocProcess] = []

    def start() -> KocProcess:
        started.append(KocProcess(tmp_path / f"relay-{len(started)}", "relay-test", ["settlement", "relay"]))
        started[-1].start()
        return started[-1]

    yield start
    for relay in started:
        relay.kill()


def unread_by_broker() -> int:
    """Bytes that the kernel holds for the broker, most of its connections: a frozen one reads nothing."""
    port = f"{int(settings().kafka_bootstrap.rpartition(':')[2]):04X}"
    queues = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state, queue = (line.split()[column] for column in (1, 3, 4))
            if local.endswith(f":{port}") and state == "01":
                queues.append(int(queue.partition(":")[2], 16))
    return max(queues, default=0)


def published(books: Books) -> bool:
    return books.rows(
        "SELECT count(*) FROM relay JOIN writer ON partition = relay.writer AND relay.seq <> writer.seq"
    ) == [(0,)]


def fill(books: Books, orders: int = 40, partition: int = 3, start: int = 0) -> None:
    facts = [
        Fact(order_id=f"o_{partition}_{number}", buyer_id=f"b_{partition}", goods_paid_minor=20_000 + number)
        for number in range(start, start + orders)
    ]
    books.assert_lines(*facts, partition=partition)


def check_gapless(books: Books, records: list[ConsumerRecord]) -> None:
    """First deliveries are the journal's rows, each once and in order; anything else repeats one of them."""
    seen: dict[int, int] = {}
    hashes = []
    for record in records:
        message = json.loads(record.value)
        assert message["writer"] == record.partition
        last = seen.get(record.partition, 0)
        if message["seq"] <= last:
            continue
        assert message["seq"] == last + 1, f"a gap before {message['entry_id']}"
        seen[record.partition] = message["seq"]
        hashes.append((record.partition, message["seq"], message["hash"]))
    assert hashes == books.rows("SELECT writer, seq, encode(chain, 'hex') FROM journal ORDER BY writer, seq")


def test_the_topic_is_the_journal_as_the_contract_says(books: Books, start_relay: Callable[[], KocProcess]) -> None:
    books.register(PLAN, RELATION, CONTENT, ACCEPTED)
    fill(books, partition=3)
    fill(books, partition=7)
    books.assert_lines(Fact(order_id="o_3_0", buyer_id="b_3").refunded(5_000), partition=3)
    relay = start_relay()
    until(lambda: published(books), "all is published")
    assert relay.terminate() == 0

    found = records(LEDGER.name)
    assert {record.partition for record in found} == {3, 7, 12}
    assert len(found) == len(books.rows("SELECT 1 FROM journal"))
    check_gapless(books, found)
    for record in found:
        entry = LedgerEntry.model_validate_json(record.value, strict=True)
        assert list(json.loads(record.value)) == list(LedgerEntry.model_fields)
        headers = dict(record.headers)
        assert headers["ce_id"] == entry.entry_id.encode()
        assert headers["ce_type"] == b"settlement.ledger.v1"
        assert headers["ce_specversion"] == b"1.0"
        assert {"ce_source", "ce_time"} <= headers.keys()
        assert record.key.decode() == (entry.order_id or "koc:k_7")


def test_a_relay_says_what_it_does(books: Books, start_relay: Callable[[], KocProcess]) -> None:
    books.register(PLAN)
    fill(books)
    relay = start_relay()
    until(relay.is_ready, "the relay is ready")
    until(lambda: published(books), "all is published")
    assert relay.metric("koc_relay_leader") == 1
    relay.await_metric("koc_relay_entries_total", 40)
    until(lambda: relay.metric("koc_relay_lag_entries") == 0, "the lag is 0")
    assert relay.get("/healthz") == "ok\n"


def test_only_one_of_two_relays_is_elected_and_the_other_takes_over(
    books: Books, start_relay: Callable[[], KocProcess]
) -> None:
    first, second = start_relay(), None
    until(first.is_ready, "the first is ready")
    second = start_relay()
    until(second.is_ready, "the second stands by, ready to take over", process=second)
    assert second.metric("koc_relay_leader") == 0
    first.kill()
    until(lambda: second.metric("koc_relay_leader") == 1, "the second is elected", process=second)
    fill(books)
    until(lambda: published(books), "all is published")
    assert second.terminate() == 0
    check_gapless(books, records(LEDGER.name))


def test_a_relay_killed_at_any_moment_leaves_no_gap(books: Books, start_relay: Callable[[], KocProcess]) -> None:
    books.register(PLAN, RELATION)
    for life in range(3):
        relay = start_relay()
        for part in range(4):
            fill(books, orders=300, partition=part % 3, start=2_000 * life + 300 * part)
        until(lambda: bool(books.rows("SELECT 1 FROM relay WHERE seq > 0")), "something is published")
        relay.kill()
    start_relay()
    until(lambda: published(books), "all is published")
    check_gapless(books, records(LEDGER.name))


def test_the_broker_killed_under_the_relay_neither_reorders_nor_repeats(
    books: Books, on_stack: Stack, start_relay: Callable[[], KocProcess]
) -> None:
    """aiokafka's send_batch within one idempotent session: the same batch is sent again until it is acknowledged."""
    books.register(PLAN, RELATION)
    relay = start_relay()
    until(relay.is_ready, "the relay is ready")
    fill(books, orders=1_000)
    until(lambda: published(books), "something is published")
    frozen = on_stack.pid("kafka")
    os.kill(frozen, signal.SIGSTOP)
    fill(books, orders=1_000, start=1_000)
    until(lambda: unread_by_broker() > 10_000, "a batch is in flight")
    os.kill(frozen, signal.SIGKILL)
    until(lambda: published(books), "all is published")
    assert relay.problem() is None, relay.last_words()
    assert relay.terminate() == 0
    found = records(LEDGER.name)
    check_gapless(books, found)
    assert len(found) == len(books.rows("SELECT 1 FROM journal")), "a batch was written twice"
    assert "Got error produce response: KafkaConnectionError" in relay.log(), "no batch was in flight"


def test_an_acknowledgement_that_is_lost_does_not_repeat_a_batch(books: Books) -> None:
    books.register(PLAN, RELATION)
    fill(books, orders=300)
    lost = []

    async def publish() -> None:
        store, producer = await RelayStore.connect(), make_producer()
        await producer.start()
        send = producer.client.send

        async def lossy(node: int, request: Any, **options: Any) -> Any:
            answer = await send(node, request, **options)
            if isinstance(request, ProduceRequest) and not lost:
                lost.append(answer)
                raise KafkaConnectionError("written, and the answer is lost")
            return answer

        producer.client.send = lossy
        assert await Relay(store, producer).publish_round() == 300
        await producer.stop()
        await store.close()

    asyncio.run(publish())
    assert len(lost) == 1
    found = records(LEDGER.name)
    assert len(found) == 300
    check_gapless(books, found)


def test_a_broker_that_does_not_answer_does_not_hold_up_a_stop(
    books: Books, on_stack: Stack, start_relay: Callable[[], KocProcess]
) -> None:
    books.register(PLAN)
    relay = start_relay()
    until(relay.is_ready, "the relay is ready")
    broker = on_stack.pid("kafka")
    os.kill(broker, signal.SIGSTOP)
    try:
        fill(books)
        until(lambda: relay.metric("koc_relay_lag_entries") == 40, "the relay is sending")
        assert relay.terminate() == 0
        assert books.rows("SELECT sum(seq) FROM relay") == [(0,)]
    finally:
        os.kill(broker, signal.SIGCONT)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE journal SET amounts[1] = amounts[1] + 1, amounts[2] = amounts[2] - 1 WHERE writer = 3 AND seq = 20",
         "journal row 3-20 does not follow 3-19"),
        ("DELETE FROM journal WHERE writer = 3 AND seq = 20", "journal row 3-21 does not follow 3-19"),
    ],
)  # fmt: skip
def test_a_damaged_journal_is_not_published_and_the_relay_says_so_until_it_is_asked_to_end(
    books: Books, start_relay: Callable[[], KocProcess], monkeypatch: pytest.MonkeyPatch, damage: str, words: str
) -> None:
    books.register(PLAN, RELATION)
    fill(books)
    books.plant(damage)
    monkeypatch.setenv("KOC_LINGER_SECONDS", "600")
    relay = start_relay()
    until(lambda: words in relay.readiness(), "it says what is broken")
    relay.await_metric('koc_invariant_violations_total{invariant="journal_chain"}', 1)
    assert relay.metric("koc_relay_lag_seconds") > 0
    assert relay.terminate() == 70
    assert words in relay.log()
    assert records(LEDGER.name) == []


def test_a_ledger_topic_made_anew_is_not_written_to(books: Books, start_relay: Callable[[], KocProcess]) -> None:
    books.register(PLAN, RELATION)
    fill(books)
    books.plant("UPDATE relay SET seq = 40 WHERE writer = 3")
    relay = start_relay()
    assert relay.ended() == 78
    assert "holds 0 records, 40 were published" in relay.log()


def test_a_relay_that_lost_the_election_stops_before_it_sends_again(
    books: Books, on_stack: Stack, start_relay: Callable[[], KocProcess]
) -> None:
    relay = start_relay()
    until(relay.is_ready, "the relay is ready")
    relay.send_signal(signal.SIGSTOP)
    books.register(PLAN)
    fill(books)
    with psycopg.connect(on_stack.superuser_dsn()) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'koc-relay-test'"
        )
    second = start_relay()
    until(lambda: published(books), "the second has published")
    relay.send_signal(signal.SIGCONT)
    assert relay.ended() != 0
    assert second.terminate() == 0
    check_gapless(books, records(LEDGER.name))
