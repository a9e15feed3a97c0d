"""The bench's events as backends publish them: clicks and orders of one stretch of time are appended at one time.

Engines that align topics by the records' timestamps need that: in a log of batches stamped long after their first
record, orders would run ahead of clicks, and an order be published again for every click that looks late.
"""

import asyncio
import json
from itertools import islice

from aiokafka import AIOKafkaProducer

from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.runtime.kafka import aiokafka_options, partition_of
from tests.bench.attribution_events import events

_STRETCH = 24_000
"""Events that are appended together: for each partition about half a megabyte of clicks."""
_BATCH_BYTES = 1_000_000


def publish(count: int, seed: int) -> None:
    """Publish that many events and their copies, and wait until the broker has them."""
    asyncio.run(_publish(count, seed))


async def _publish(count: int, seed: int) -> None:
    producer = AIOKafkaProducer(**aiokafka_options(), max_batch_size=_BATCH_BYTES)
    await producer.start()
    stream = events(count, seed)
    while stretch := list(islice(stream, _STRETCH)):
        for topic in (CLICKS.name, ORDERS.name):
            await _append(producer, topic, [(key, event) for name, key, event in stretch if name == topic])
    await producer.stop()


async def _append(producer: AIOKafkaProducer, topic: str, records: list[tuple[str, dict[str, object]]]) -> None:
    """One batch for each partition, acknowledged before the next stretch is sent."""
    batches = [producer.create_batch() for _ in range(BUYER_PARTITIONS)]
    for buyer, event in records:
        key, value = buyer.encode(), json.dumps(event, separators=(",", ":")).encode()
        appended = batches[partition_of(key, BUYER_PARTITIONS)].append(key=key, value=value, timestamp=None)
        assert appended is not None, "a stretch does not fit into a batch"
    sent = []
    for partition, batch in enumerate(batches):
        if batch.record_count():
            batch.close()
            sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)
