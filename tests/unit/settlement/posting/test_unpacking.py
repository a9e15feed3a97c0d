"""What the poster fetches is what kafka-python itself would give it, for every batch that a broker may send."""

import inspect
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from crc32c import crc32c
from kafka import TopicPartition
from kafka.consumer.fetcher import CompletedFetch, Fetcher
from kafka.consumer.subscription_state import SubscriptionState
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords, MemoryRecordsBuilder
from kafka.structs import OffsetAndMetadata

from schemas.topics import CREDITS, REGISTRY
from services.settlement.posting.unpacking import FetchedRecords

TP = TopicPartition(CREDITS.name, 3)
EPOCH_AT, CHECKSUM_AT, ATTRIBUTES_AT, LAST_DELTA_AT = 12, 17, 21, 23
CONTROL = 0x20
ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


class Aborted(NamedTuple):
    """An aborted transaction of a fetch response."""

    producer_id: int
    first_offset: int


def batch(
    first: int, values: Sequence[bytes | None], *, codec: int = 0, epoch: int = 0, producer_id: int = -1,
    keys: Sequence[bytes | None] = (None,), control: bool = False, last_delta: int | None = None,
) -> bytes:  # fmt: skip
    """A record batch as a broker sends it."""
    is_transactional = producer_id >= 0
    builder = MemoryRecordsBuilder(
        2, codec, 1 << 20, transactional=is_transactional, producer_id=producer_id,
        producer_epoch=0 if is_transactional else -1, base_sequence=0 if is_transactional else -1,
    )  # fmt: skip
    for number, value in enumerate(values):
        builder.append(1_790_000_000_000 + number, keys[number % len(keys)], value, [("h", b"x"), ("n", None)])
    builder.close()
    raw = bytearray(builder.buffer())
    raw[:8] = first.to_bytes(8, "big")
    raw[EPOCH_AT:16] = epoch.to_bytes(4, "big")
    if control:
        raw[ATTRIBUTES_AT + 1] |= CONTROL
    if last_delta is not None:
        raw[LAST_DELTA_AT:27] = last_delta.to_bytes(4, "big")
    raw[CHECKSUM_AT:ATTRIBUTES_AT] = crc32c(bytes(raw[ATTRIBUTES_AT:])).to_bytes(4, "big")
    return bytes(raw)


def marker(offset: int, producer_id: int, word: bytes) -> bytes:
    """The end of a transaction in a log."""
    return batch(offset, [b"\0\0\0\0\0\0"], keys=[word], producer_id=producer_id, control=True)


def opened(reader: type[Any], raw: bytes, fetch_offset: int = 0, aborted: Iterable[Aborted] | None = None,
           tp: TopicPartition = TP, **more: Any) -> Any:  # fmt: skip
    """A reader over fetched bytes, made as kafka-python's fetcher makes it."""
    options = {"check_crcs": True, "metric_aggregator": None, "on_drain": lambda _: None, "key_deserializer": None,
               "value_deserializer": None, "isolation_level": 1} | more  # fmt: skip
    return reader(fetch_offset, tp, MemoryRecords(raw), aborted_transactions=aborted, **options)


def read(reader: Any, count: int) -> list[Any]:
    """All records and where the reader stood after each portion."""
    steps: list[Any] = []
    while reader:
        taken = [(one.offset, one.timestamp, one.key, one.value) for one in reader.take(count)]
        steps += taken, reader.next_fetch_offset, reader.leader_epoch, reader.records_read
    return steps


LOGS: dict[str, tuple[bytes, list[Aborted] | None]] = {
    "one batch": (batch(0, [b"a", b"b", b"c"]), None),
    "batches of two leaders": (batch(0, [b"a"], epoch=4) + batch(1, [b"b", b"c"], epoch=5), []),
    "a value and a key that are absent": (batch(0, [b"a", None, b""], keys=[b"k", None]), None),
    "offsets that compaction left": (batch(0, [b"a"], last_delta=7) + batch(11, [b"b"]), None),
    "a batch that a response cuts off": (batch(0, [b"a", b"b"]) + batch(2, [b"c", b"d"])[:-9], None),
    "a committed transaction": (batch(0, [b"a"], producer_id=7) + marker(1, 7, COMMIT) + batch(2, [b"b"]), None),
    "an aborted transaction": (
        batch(0, [b"a"]) + batch(1, [b"lost", b"too"], producer_id=7) + batch(3, [b"b"], producer_id=8)
        + marker(4, 7, ABORT) + batch(5, [b"c"], producer_id=7) + marker(6, 8, COMMIT) + marker(7, 7, COMMIT),
        [Aborted(7, 1)],
    ),
    "two aborted transactions, told in any order": (
        batch(0, [b"x"], producer_id=7) + marker(1, 7, ABORT) + batch(2, [b"a"])
        + batch(3, [b"y"], producer_id=9) + marker(4, 9, ABORT),
        [Aborted(9, 3), Aborted(7, 0)],
    ),
    "only what is not for readers": (batch(0, [b"x"], producer_id=7) + marker(1, 7, ABORT), [Aborted(7, 0)]),
}  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 500])
@pytest.mark.parametrize("name", LOGS)
def test_records_are_those_that_kafka_python_reads(name: str, count: int) -> None:
    raw, aborted = LOGS[name]
    theirs, ours = (opened(reader, raw, 0, aborted) for reader in (Fetcher.PartitionRecords, FetchedRecords))
    assert [one for one in read(ours, count) if one] == [one for one in read(theirs, count) if one]


@pytest.mark.parametrize("codec", CODECS)
def test_records_of_each_compression_begin_at_the_offset_that_was_asked_for(codec: str) -> None:
    raw = batch(10, [b"a" * 900, b"b" * 900, b"c"], codec=CODECS[codec])
    theirs, ours = (read(opened(reader, raw, 11), 2) for reader in (Fetcher.PartitionRecords, FetchedRecords))
    assert ours[0] == theirs[0]
    assert [value[:1] for _, _, _, value in ours[0]] == [b"b", b"c"]


def test_a_damaged_batch_is_an_error_once_all_before_it_were_taken() -> None:
    damaged = bytearray(batch(2, [b"c"]))
    damaged[-3] ^= 1
    records = opened(FetchedRecords, batch(0, [b"a", b"b"]) + bytes(damaged))
    assert [record.value for record in records.take(10)] == [b"a", b"b"]
    assert (bool(records), records.next_fetch_offset) == (False, 2)
    with pytest.raises(CorruptRecordError, match="CRC"):
        opened(FetchedRecords, bytes(damaged), 2).take(10)


def test_a_record_of_the_registry_has_all_that_a_dead_letter_says() -> None:
    records = opened(FetchedRecords, batch(0, [b"a"], keys=[b"k"]), tp=TopicPartition(REGISTRY.name, 0))
    (record,) = records.take(1)
    assert (record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers)) == (
        REGISTRY.name, 0, 0, b"k", b"a", (("h", b"x"), ("n", None)),
    )  # fmt: skip


def test_the_end_is_told_once_with_what_was_read() -> None:
    told: list[Any] = []
    metrics = SimpleNamespace(record=lambda *figures: told.append(figures))
    raw = batch(0, [b"a", b"b"])
    records = opened(FetchedRecords, raw, metric_aggregator=metrics, on_drain=told.append)
    while records:
        records.take(1)
    records.drain()
    assert told == [(TP, len(raw), 2), records]


def test_kafka_pythons_fetcher_makes_the_class_that_it_is_given() -> None:
    subscription = SubscriptionState()
    subscription.assign_from_user([TP])
    subscription.seek(TP, OffsetAndMetadata(0, "", -1))
    fetcher = Fetcher(SimpleNamespace(_manager=SimpleNamespace(_net=None)), subscription, metrics=None,
                      isolation_level="read_committed")  # fmt: skip
    fetcher.PartitionRecords = FetchedRecords
    response = SimpleNamespace(
        error_code=0, high_watermark=2, records=batch(0, [b"a", b"b"], epoch=6), aborted_transactions=None,
        diverging_epoch=None, preferred_read_replica=-1,
    )  # fmt: skip
    fetcher._completed_fetches.append(CompletedFetch(TP, 0, 12, response, None))
    records, _ = fetcher.fetched_records(10)
    assert [record.value for record in records[TP]] == [b"a", b"b"]
    assert not hasattr(records[TP][0], "topic")
    assert subscription.assignment[TP].position == OffsetAndMetadata(2, "", 6)
    assert inspect.signature(Fetcher.PartitionRecords).parameters.keys() <= {
        *inspect.signature(FetchedRecords).parameters, "key_deserializer", "value_deserializer", "isolation_level",
    }  # fmt: skip
