"""Publish many records fast and in order: aiokafka batches, one in flight a partition, every one acknowledged."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from schemas.topics import BY_NAME
from services.runtime.kafka import aiokafka_options, partition_of
from services.runtime.settings import settings

logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # where no log is set up, an error says it all

BROKER_SECONDS = 3
"""How long a broker may take to answer at first."""

_BATCH_BYTES = 1_000_000
_SLICE = 20_000
"""Records handed to the client before their acknowledgements are awaited: bounds memory and paces progress."""


Header = tuple[str, bytes]


class Outgoing(NamedTuple):
    """A record to publish. `partition` None: where the default partitioner puts the key, which then must be there."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[Header, ...] = ()


Progress = Callable[[int], None]


def publish(records: Iterable[Outgoing], progress: Progress = lambda _: None) -> dict[str, int]:
    """Publish records, those of one partition in the given order; returns how many by topic.

    Args:
        records: consumed lazily.
        progress: called with the number of acknowledged records now and then.

    Raises:
        ConnectionError: no broker answers, or one does no longer; some of the records may have been published.
    """
    return asyncio.run(_publish(records, progress))


def reach_broker() -> None:
    """See whether a broker answers, before a command does work that needs one.

    Raises:
        ConnectionError: none does, within BROKER_SECONDS.
    """

    async def connect() -> None:
        async with _producer():
            pass

    asyncio.run(connect())


@asynccontextmanager
async def _producer() -> AsyncIterator[Any]:
    """A connected producer, closed at the end of the block; what goes wrong with the broker is a ConnectionError."""
    from aiokafka import AIOKafkaProducer
    from aiokafka.errors import KafkaError

    address = settings().kafka_bootstrap
    producer = AIOKafkaProducer(
        **aiokafka_options(), acks="all", enable_idempotence=True, max_batch_size=_BATCH_BYTES, linger_ms=5
    )
    try:
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                await producer.start()
        except (KafkaError, TimeoutError) as error:
            raise ConnectionError(f"no Kafka broker answers at {address}") from error
        try:
            yield producer
        except KafkaError as error:
            told = f"{error}; some of it may be published, and publishing it again does no harm"
            raise ConnectionError(f"the Kafka broker at {address} did not take everything: {told}") from error
    finally:
        await producer.stop()


async def _publish(records: Iterable[Outgoing], progress: Progress) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    async with _producer() as producer:
        waiting: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        held = 0
        for record in records:
            waiting[record.topic, _partition(record)].append(record)
            counts[record.topic] += 1
            held += 1
            if held == _SLICE:
                await _flush(producer, waiting)
                held = 0
                progress(sum(counts.values()))
        await _flush(producer, waiting)
        progress(sum(counts.values()))
    return dict(counts)


def _partition(record: Outgoing) -> int:
    if record.partition is not None:
        return record.partition
    if record.key is None:
        raise ValueError(f"a record for {record.topic} has neither key nor partition")
    return partition_of(record.key, BY_NAME[record.topic].partitions)


async def _flush(producer: Any, waiting: dict[tuple[str, int], list[Outgoing]]) -> None:
    """Send what waits, a batch at a time and partition, and await every acknowledgement."""
    await asyncio.gather(*(_send(producer, at, records) for at, records in waiting.items()))
    waiting.clear()


async def _send(producer: Any, at: tuple[str, int], records: list[Outgoing]) -> None:
    topic, partition = at
    batch = producer.create_batch()
    for record in records:
        if _append(batch, record) is None:
            batch.close()
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            if _append(batch, record) is None:
                raise ValueError(f"a record of {len(record.value or b'')} bytes is larger than a batch")
    batch.close()
    await (await producer.send_batch(batch, topic, partition=partition))


def _append(batch: Any, record: Outgoing) -> Any:
    """Add a record to a batch; None if it does not fit."""
    return batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))
