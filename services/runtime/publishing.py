"""Publish many records fast and in order: aiokafka batches, one in flight a partition, every one acknowledged."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from schemas.topics import BY_NAME
from services.runtime.kafka import partition_of, producer
from services.runtime.record_batch import BATCH_BYTES, batches

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


PublishProgress = Callable[[int], None]


def publish(records: Iterable[Outgoing], progress: PublishProgress = lambda _: None) -> dict[str, int]:
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
        ConnectionError: none does.
    """

    async def connect() -> None:
        async with producer():
            pass

    asyncio.run(connect())


async def _publish(records: Iterable[Outgoing], progress: PublishProgress) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    async with producer(max_batch_size=BATCH_BYTES) as client:
        waiting: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        held = 0
        for record in records:
            waiting[record.topic, _partition(record)].append(record)
            counts[record.topic] += 1
            held += 1
            if held == _SLICE:
                await _flush(client, waiting)
                held = 0
                progress(sum(counts.values()))
        await _flush(client, waiting)
        progress(sum(counts.values()))
    return dict(counts)


def _partition(record: Outgoing) -> int:
    if record.partition is not None:
        return record.partition
    if record.key is None:
        raise ValueError(f"a record for {record.topic} has neither key nor partition")
    return partition_of(record.key, BY_NAME[record.topic].partitions)


async def _flush(client: Any, waiting: dict[tuple[str, int], list[Outgoing]]) -> None:
    """Send what waits, a batch at a time and partition, and await every acknowledgement."""
    await asyncio.gather(*(_send(client, at, records) for at, records in waiting.items()))
    waiting.clear()


async def _send(client: Any, at: tuple[str, int], records: list[Outgoing]) -> None:
    contents = ((record.key, record.value, list(record.headers)) for record in records)
    for batch in batches(client, contents):
        await (await batch.send(*at))
