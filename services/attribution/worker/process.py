"""The processing of a chunk: decode, route, apply to the partition's state, publish."""

import time
from collections.abc import Iterable, Iterator

from schemas.reasons import UNUSABLE
from schemas.topics import BUYER_PARTITIONS, BY_NAME, CLICKS, CREDITS, DLQ_PARTITIONS, ORDERS
from services.attribution.apply.orders import apply_orders
from services.attribution.apply.publishing import Publication, republications
from services.attribution.apply.records import RefusedRecord
from services.attribution.apply.touches import apply_touches
from services.attribution.domain.assertion import Assertion
from services.attribution.events.encode_credits import OutRecord, encode_assertion
from services.attribution.events.read import Intake, StrayEvent, read_clicks, read_orders
from services.attribution.state.store import Store
from services.attribution.stream.fetch import Chunk
from services.attribution.stream.producer import Outbox
from services.attribution.worker import metrics as worker_metrics
from services.attribution.worker.refusal_limit import RefusalLimit
from services.attribution.worker.traces import ChunkTraces, TouchTraces
from services.runtime import deadletters, tracing
from services.runtime.kafka import partition_of


class Pipeline:
    """Turns chunks into changed state and sent records; a checkpoint waits until the brokers have these records."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._touch_traces = TouchTraces()
        self._refusal_limits = {topic.name: RefusalLimit(topic.name) for topic in (CLICKS, ORDERS)}

    async def process(self, store: Store, chunk: Chunk) -> None:
        """Apply a chunk, with a span for each of its records that carries a trace.

        Raises:
            StartRefused: most of the last records are unusable.
        """
        carried = tracing.carriers((record.offset, record.headers) for record in chunk.records)
        with tracing.reading(chunk.topic, carried) as spans:
            await self._process(store, chunk, ChunkTraces(spans, self._touch_traces))

    async def _process(self, store: Store, chunk: Chunk, traces: ChunkTraces) -> None:
        # Decode and apply: the state changes here, and nothing was sent yet.
        started = time.perf_counter()
        intake: Intake
        if chunk.topic == CLICKS.name:
            clicks = read_clicks(chunk.records, store.local, chunk.partition)
            traces.take_touches(clicks.records)
            intake, outcome = clicks, apply_touches(store.shard, clicks.records)
        else:
            orders = read_orders(chunk.records, store.local, chunk.partition)
            traces.take_orders(orders.records)
            intake, outcome = orders, apply_orders(store.shard, orders.records)
        # A topic full of other records stops the worker before they fill the dead-letter topic.
        unusable = sum(refusal.reason in UNUSABLE for refusal in intake.refusals)
        self._refusal_limits[chunk.topic].check(len(chunk.records) - unusable, unusable)
        # Send everything that follows from the chunk.
        await self._publish(chunk.partition, outcome.publication, traces)
        refusals = [*intake.refusals, *outcome.refusals]
        for refusal in refusals:
            await self._send_dead_letter(chunk.topic, chunk.partition, refusal)
        for stray in intake.strays:
            await self._reroute(chunk.topic, chunk.partition, stray)
        reasons = [refusal.reason for refusal in refusals]
        seconds = time.perf_counter() - started
        worker_metrics.count_chunk(chunk, outcome.duplicates, reasons, len(intake.strays), seconds)

    async def publish_all(self, partition: int, store: Store) -> None:
        """Publish the current truth of every order in a store."""
        for published in republications(store.shard, store.every_buyer()):
            await self._publish(partition, published, ChunkTraces({}, self._touch_traces))

    async def _publish(self, partition: int, published: Publication, traces: ChunkTraces) -> None:
        unattributed = 0

        def encode_all(assertions: Iterable[Assertion]) -> Iterator[OutRecord]:
            nonlocal unattributed
            for assertion in assertions:
                unattributed += not assertion.judgement.credits
                yield traces.carry_on(assertion, encode_assertion(assertion, partition))

        if published.orders:
            count = await self._outbox.publish(CREDITS.name, partition, encode_all(published.assertions()))
            worker_metrics.count_published(count, unattributed)
        worker_metrics.count_withheld(published.withheld)

    async def _send_dead_letter(self, topic: str, partition: int, refusal: RefusedRecord) -> None:
        """Send a refused record to its dead-letter topic, unchanged and with its reason."""
        source = refusal.source
        await self._outbox.send(
            BY_NAME[topic].dlq,
            partition_of(source.key or b"", DLQ_PARTITIONS),
            source.key,
            source.value,
            deadletters.headers(refusal.reason, refusal.detail, topic, partition, source.offset, source.headers),
        )

    async def _reroute(self, topic: str, partition: int, stray: StrayEvent) -> None:
        """Publish an event again to the partition of its key; the mark keeps it from being rerouted for ever."""
        key, source = stray.buyer_id.encode(), stray.source
        mark = (deadletters.REROUTED, f"{topic}/{partition}/{source.offset}".encode())
        target = partition_of(key, BUYER_PARTITIONS)
        await self._outbox.send(topic, target, key, source.value, [*source.headers, mark])
