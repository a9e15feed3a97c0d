"""The worker's output: batches of credits, dead letters, rerouted events, and the acknowledgements to wait for."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from services.attribution.events.encode_credits import OutRecord
from services.runtime.kafka import aiokafka_options
from services.runtime.record_batch import BATCH_BYTES, batches

_LINGER_MS = 5


class Outbox:
    """A producer that remembers every send: a checkpoint waits for the futures of `take_acknowledgements`."""

    def __init__(self) -> None:
        self._producer: Any = None
        self._acknowledgements: list[asyncio.Future[Any]] = []

    async def start(self) -> None:
        """Connect. Batches are large, because only one batch is in flight per partition."""
        self._producer = AIOKafkaProducer(
            **aiokafka_options(), acks="all", max_batch_size=BATCH_BYTES, linger_ms=_LINGER_MS
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect; records without acknowledgement are sent again after the next start."""
        if self._producer is not None:
            await self._producer.stop()

    async def publish(self, topic: str, partition: int, records: Iterable[OutRecord]) -> int:
        """Send records to one partition in as few batches as possible. Returns the number of records."""
        count = 0
        for batch in batches(self._producer, records):
            self._acknowledgements.append(await batch.send(topic, partition))
            count += batch.count
        return count

    async def send(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> None:
        """Send one record."""
        sent = await self._producer.send(topic, value=value, key=key, partition=partition, headers=headers)
        self._acknowledgements.append(sent)

    def take_acknowledgements(self) -> list[asyncio.Future[Any]]:
        """The acknowledgements of all sends since the last call; each one raises if its send failed."""
        acknowledgements, self._acknowledgements = self._acknowledgements, []
        return acknowledgements
