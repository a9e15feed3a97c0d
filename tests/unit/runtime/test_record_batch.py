"""Batches of records, with aiokafka's own builder behind a producer that only takes them."""

import asyncio
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from services.attribution.events.encode_credits import OutRecord
from services.attribution.stream.producer import Outbox
from services.kernel.errors import InvariantBroken
from services.runtime.record_batch import RecordBatch, batches

LIMIT = 1_000
HEADERS = [("h", b"x")]


class Producer:
    """Acknowledges each batch with its place among those it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, list[bytes]]] = []

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(LIMIT, 0)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> "asyncio.Future[int]":
        records = MemoryRecords(bytes(batch._build())).next_batch()
        self.sent.append((topic, partition, [record.value for record in records]))
        acknowledged: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(len(self.sent))
        return acknowledged


def record(name: str, size_bytes: int) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    return name.encode(), name.encode() * size_bytes, HEADERS


def filled(*records: Any) -> list[int]:
    return [batch.count for batch in batches(Producer(), records)]


def test_records_go_into_as_few_batches_as_they_fit_into() -> None:
    assert filled() == []
    assert filled(record("a", 100)) == [1]
    assert filled(*[record("a", 400)] * 5) == [2, 2, 1]
    assert filled(record("a", 700), record("b", 700)) == [1, 1]


def test_a_record_larger_than_the_limit_goes_alone_for_the_broker_to_refuse() -> None:
    assert filled(record("a", 100), record("b", LIMIT + 1), record("c", 100)) == [1, 1, 1]


def test_an_empty_batch_that_takes_no_record_breaks_an_invariant_instead_of_losing_it() -> None:
    producer = Producer()
    full = BatchBuilder(LIMIT, 0)
    full.close()
    producer.create_batch = lambda: full  # type: ignore[method-assign]
    with pytest.raises(InvariantBroken, match="an empty batch does not take a record of 4 bytes"):
        list(batches(producer, [record("a", 4)]))


def test_a_batch_refuses_a_record_that_does_not_fit_and_is_sent_as_it_was() -> None:
    producer = Producer()

    async def send() -> int:
        batch = RecordBatch(producer)
        assert batch.add(*record("a", 400))
        assert not batch.add(*record("b", LIMIT))
        assert batch.count == 1
        return int(await (await batch.send("topic", 3)))

    assert asyncio.run(send()) == 1
    assert producer.sent == [("topic", 3, [b"a" * 400])]


def test_the_outbox_sends_each_batch_before_it_encodes_more_and_answers_for_all_of_them() -> None:
    sender, producer = Outbox(), Producer()
    sender._producer = producer
    sent_when_encoded = []

    def encoded() -> Any:
        for name in "abc":
            sent_when_encoded.append(len(producer.sent))
            yield OutRecord(*record(name, 700))

    async def publish() -> tuple[int, list[int]]:
        count = await sender.publish("credits", 4, encoded())
        return count, [await sent for sent in sender.take_acknowledgements()]

    assert asyncio.run(publish()) == (3, [1, 2, 3])
    assert sent_when_encoded == [0, 0, 1]
    assert producer.sent == [("credits", 4, [name * 700]) for name in (b"a", b"b", b"c")]
    assert sender.take_acknowledgements() == []
