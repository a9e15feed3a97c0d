"""The relay: publishes journal, commands and statements as they stand: the topics' numbers and hashes are theirs.

A process of its own, one elected. Each writer has the topic's partition of its own number. Its next batch is sent only
when its last one is acknowledged and stored; any error ends the process before another send. So entries arrive at
least once and in order, never with a gap; a reader ignores a seq that it has seen.
"""

import asyncio
import gc
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaProducer

from schemas.topics import COMMANDS, LEDGER, STATEMENTS
from services.kernel.errors import HistoryLost, InvariantBroken, StartRefused
from services.runtime import metrics, tracing
from services.runtime.database import engine
from services.runtime.health import Health
from services.runtime.kafka import aiokafka_options
from services.runtime.log import configure_logging
from services.runtime.record_batch import RecordBatch
from services.runtime.settings import settings
from services.runtime.topics import log_ends
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.books.migrations import check_revision
from services.settlement.domain.book.entries import Link
from services.settlement.domain.book.severed import SeveredRows
from services.settlement.relay.command_outbox import publish_commands
from services.settlement.relay.ledger_record import encode
from services.settlement.relay.statement_outbox import (
    STATEMENT_BATCH_BYTES,
    publish_statements,
)
from services.settlement.relay.store import RelayLag, RelayStore

POLL_SECONDS = 0.05
"""How long an entry may wait before it is seen; one statement over 13 rows each time."""
STANDBY_SECONDS = 0.5
STOP_SECONDS = 5.0
BATCH_BYTES = 900_000
"""Below the broker's default limit of a message set, 1 MiB."""
BATCH_ENTRIES = 1_000
"""About as many as fit into a batch: rows that do not are read again."""
RETRY_MS = 250
COMPRESSION = "gzip"
"""The one codec that every client can read without another package; the topic is kept for ever."""

log = structlog.get_logger(__name__)


class Relay:
    """Publishes what is booked; made for one election.

    Args:
        store: of the process that won the election.
        producer: started, idempotent.
        beat: called whenever the loop turned.
    """

    def __init__(self, store: RelayStore, producer: Any, beat: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._producer = producer
        self._beat = beat
        self._heads: dict[int, Link] = {}
        self._severed = SeveredRows()

    async def run(self, stopping: asyncio.Event, statement_producer: Any) -> None:
        """Publish until asked to stop; a round that began is ended first.

        Args:
            stopping: set when it shall end.
            statement_producer: as `producer`, for records that are larger than an entry.
        """
        while not stopping.is_set():
            done = await self.publish_round() + await publish_commands(self._store, self._producer)
            if not done + await publish_statements(self._store, statement_producer):
                await _wait(stopping, POLL_SECONDS)
            self._beat()

    async def publish_round(self) -> int:
        """Send at most one batch of each writer, await all of them, store the positions; how many entries.

        Raises:
            InvariantBroken: the journal has a gap, or a row is not what its hash covers; nothing was sent.
            KafkaError: a send failed.
            ElectionLost: another relay is at work.
        """
        behind = await self._store.behind()
        _show_lag(behind)
        carried = await self._carried(behind) if tracing.is_on() else {}
        with tracing.sending(LEDGER.name, carried) as spans:
            batches = [await self._batch(one.writer, one.published, spans) for one in behind]
            await asyncio.gather(*[await batch.records.send(LEDGER.name, batch.writer) for batch in batches])
            for batch in batches:
                await self._store.advance(batch.writer, batch.published, batch.last.seq)
                self._heads[batch.writer] = batch.last
        count = sum(batch.last.seq - batch.published for batch in batches)
        metrics.relay().published.inc(count)
        return count

    async def _carried(self, behind: list[RelayLag]) -> dict[tuple[int, int], dict[str, str]]:
        """The traces of the next entries, by (writer, seq)."""
        found = {one.writer: await self._store.traced(one.writer, one.published, BATCH_ENTRIES) for one in behind}
        return {(writer, seq): carrier for writer, traced in found.items() for seq, carrier in traced.items()}

    async def _batch(self, writer: int, published: int, spans: Mapping[tuple[int, int], tracing.Span]) -> "_Batch":
        """A writer's next batch; a record whose entry has a span carries the trace on."""
        last = self._heads.get(writer)
        if last is None or last.seq != published:
            last = await self._store.head(writer, published)
        records = RecordBatch(self._producer)
        for recorded in await self._store.rows(writer, published, BATCH_ENTRIES):
            if not await self._follows(recorded, last):
                raise InvariantBroken(
                    f"journal row {recorded.entry_id} does not follow {writer}-{last.seq}", "journal_chain"
                )
            span = spans.get((writer, recorded.link.seq))
            if not records.add(*encode(recorded, last.head, None if span is None else tracing.carrier_from(span))):
                break
            last = recorded.link
        if last.seq == published:
            raise InvariantBroken(f"journal row {writer}-{published + 1} is missing", "journal_chain")
        return _Batch(writer, published, records, last)

    async def _follows(self, recorded: JournalEntry, last: Link) -> bool:
        """Whether an entry is the next one; severed rows are read once an entry reads otherwise than its hash says."""
        if recorded.follows(last, self._severed):
            return True
        self._severed = await self._store.severed_rows()
        return recorded.follows(last, self._severed)


def _show_lag(behind: Sequence[RelayLag]) -> None:
    """Show what is not published; its age goes on growing where no next round comes to say so."""
    metrics.relay().lag.set(sum(one.booked - one.published for one in behind))
    booked_at = time.monotonic() - max((one.age_seconds or 0.0 for one in behind), default=0.0)
    metrics.relay().lag_seconds.set_function(lambda: time.monotonic() - booked_at if behind else 0.0)


class _Batch(NamedTuple):
    """Entries of one writer after number `published` up to the link `last`."""

    writer: int
    published: int
    records: RecordBatch
    last: Link


async def check_topic(store: RelayStore) -> None:
    """Refuse topics that cannot be those that journal, commands and statements were published to.

    Raises:
        StartRefused: one is missing, or the ledger topic has other partitions than there are writers.
        HistoryLost: one holds fewer records than were published.
    """
    positions = await store.positions()
    ends = await asyncio.to_thread(log_ends, [LEDGER.name, COMMANDS.name, STATEMENTS.name])
    found = sorted(partition for topic, partition in ends if topic == LEDGER.name)
    if found != sorted(positions):
        raise StartRefused(
            f"{LEDGER.name} needs one partition for each of {len(positions)} writers and has {len(found)}: "
            f"run `koc topics apply`"
        )
    for writer, published in positions.items():
        if ends[LEDGER.name, writer] < published:
            raise HistoryLost(
                f"{LEDGER.name} partition {writer} holds {ends[LEDGER.name, writer]} records, {published} were "
                f"published: the topic was made anew; set relay.seq to 0 in the database to publish all again"
            )
    _check_outbox_topic(COMMANDS.name, (await store.command_positions())[0], ends, "command_relay.seq")
    _check_outbox_topic(STATEMENTS.name, (await store.statement_positions())[0], ends, "statement_relay.seq")


def _check_outbox_topic(topic: str, published: int, ends: Mapping[tuple[str, int], int], position: str) -> None:
    """The same of a topic of one partition; `position` names where the database counts what was published."""
    end = ends.get((topic, 0))
    if end is None:
        raise StartRefused(f"{topic} is missing: run `koc topics apply`")
    if end < published:
        raise HistoryLost(
            f"{topic} holds {end} records, {published} were published: the topic was made anew; set "
            f"{position} to 0 in the database to publish all again"
        )


def make_producer(batch_bytes: int = BATCH_BYTES) -> Any:
    """A producer whose repeated sends the broker takes once; its batches take so many bytes before they are packed."""
    return AIOKafkaProducer(
        **aiokafka_options(),
        enable_idempotence=True,
        max_batch_size=batch_bytes,
        compression_type=COMPRESSION,
        retry_backoff_ms=RETRY_MS,
    )


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep, unless asked to stop."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


async def _standby(store: RelayStore, stopping: asyncio.Event, health: Health) -> bool:
    """Wait to be elected; whether it was. A relay that can take over at any moment is ready."""
    while not stopping.is_set():
        health.beat()
        if await store.elect():
            health.not_ready = lambda: "elected, and not yet connected to Kafka"
            return True
        health.not_ready = lambda: None
        await _wait(stopping, STANDBY_SECONDS)
    return False


async def _serve(health: Health, stopping: asyncio.Event) -> None:
    """Stand by, then publish."""
    store = await RelayStore.connect()
    try:
        metrics.relay().leader.set(0)
        if not await _standby(store, stopping, health):
            return
        await check_topic(store)
        metrics.relay().leader.set(1)
        log.info("elected")
        producers = make_producer(), make_producer(STATEMENT_BATCH_BYTES)
        for producer in producers:
            await producer.start()
        health.not_ready = lambda: None
        await Relay(store, producers[0], health.beat).run(stopping, producers[1])
        for producer in producers:
            await producer.stop()
    finally:
        metrics.relay().leader.set(0)
        await store.close()


async def _main(health: Health) -> None:
    """Serve until asked to stop; a broker that does not answer must not hold the stop up."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, stopping.set)
    serving = asyncio.create_task(_serve(health, stopping))
    await asyncio.wait((serving, asyncio.create_task(stopping.wait())), return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait((serving,), timeout=STOP_SECONDS)
    if serving.done():
        serving.result()
    else:
        log.warning("stopped before the broker acknowledged; those entries will be sent again")


def run() -> None:
    """The process: until SIGTERM; an error ends it with a non-zero exit, and its supervisor starts it again.

    Raises:
        StartRefused: database or topic are not as they must be.
        InvariantBroken: the journal is not what its chain says; a person must look.

    The collector rests meanwhile: rows make many short-lived objects and no cycles (40 us of CPU an entry became 30).
    """
    name = settings().instance_id or "relay"
    configure_logging(name)
    tracing.configure(name)
    health = Health(name)
    health.serve()
    with engine("writer").connect() as connection:
        check_revision(connection)
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    with health.lingering():
        asyncio.run(_main(health))
