"""The poster process: credit assertions and registry events from Kafka into the books, each exactly once in effect.

Offsets live in the same transaction as what they produced; the loop only makes sure that what it posts begins where
the database stands. One turn: fetch, the registry's batch, a batch of credits, a chunk of a reprice job.
"""

import gc
import signal
import time
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

import stamina
import structlog
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError

from schemas.decoding import InvalidEvent
from schemas.topics import CREDITS
from services.kernel.errors import HistoryLost, InvariantBroken, Stalled
from services.runtime.database import engine
from services.runtime.health import Health
from services.runtime.log import configure_logging
from services.runtime.metrics import common, poster
from services.runtime.settings import settings
from services.settlement.books.entry_builder import PostingCounts
from services.settlement.books.failures import retry_cause
from services.settlement.books.ports import Batch
from services.settlement.books.posting_transaction import KEEPALIVES, SESSION, BookConnections
from services.settlement.books.registry_transaction import oldest_open_job, registry_transaction
from services.settlement.domain.lines.line import ContentConflict
from services.settlement.domain.pricing.price import Reference
from services.settlement.posting.assignment import Assignment, join, make_consumer
from services.settlement.posting.gauges import Gauges
from services.settlement.posting.lag import Lag
from services.settlement.posting.post_credits import Fenced, OwnedElsewhere, post_batch
from services.settlement.posting.read_credits import explain_conflict, read_batch
from services.settlement.posting.read_registry import DeadLetters, read_event
from services.settlement.posting.reprice import reprice_chunk
from services.settlement.posting.start_checks import check_start
from services.settlement.posting.take_registry import take_registry

BATCH_RECORDS = 5_000
BATCH_SECONDS = 0.2
RETRY_SECONDS = 90.0
"""How long a transaction is tried again before the process gives up, well below Kafka's max.poll.interval (300 s)."""
WRITER_N = CREDITS.partitions
COLLECT_SECONDS = 30.0
"""A batch makes half a million objects without a cycle: collecting whenever some are new cost 40 % of the time."""
log = structlog.get_logger(__name__)


class Poster:
    """The loop.

    Args:
        book: connections of the transactions.
        consumer: a kafka-python consumer, not subscribed yet.
        assignment: its rebalance listener.
        health: told that the loop turns, and asked to say whether partitions were ever assigned.
    """

    def __init__(self, book: BookConnections, consumer: Any, assignment: Assignment, health: Health) -> None:
        self._book = book
        self._consumer = consumer
        self._assignment = assignment
        self._health = health
        self._reference = Reference()
        self._dead_letters = DeadLetters()
        self._lag = Lag(consumer)
        self._records: dict[TopicPartition, list[Any]] = {}
        self._since = 0.0
        self._collected = time.monotonic()
        self.stopping = False

    def run(self) -> None:
        """Turn until `stopping` is set."""
        while not self.stopping:
            self._health.beat()
            self._turn()

    def close(self) -> None:
        """Leave the group and disconnect; what was not posted is read again by the next owner."""
        self._consumer.close(autocommit=False)
        self._dead_letters.close()
        self._book.disconnect()

    def _turn(self) -> None:
        self._fetch()
        if self._assignment.changed:
            self._records.clear()
            self._retried(self._seek)
            self._lag.update(self._assignment.next)
            return
        count = sum(map(len, self._records.values()))
        if count >= BATCH_RECORDS or time.monotonic() - self._since >= BATCH_SECONDS:
            self._guarded(self._take_registry)
            self._guarded(self._post)
            self._records.clear()
            self._since = time.monotonic()
            self._lag.update(self._assignment.next)
            self._guarded(self._reprice)
            self._collect()

    def _collect(self) -> None:
        """Collect garbage between batches, when there is little of it to walk through."""
        if time.monotonic() - self._collected > COLLECT_SECONDS:
            gc.collect()
            self._collected = time.monotonic()

    def _fetch(self) -> None:
        """Fetch what is there; waits no longer than the batch may."""
        wait = max(0.0, BATCH_SECONDS - (time.monotonic() - self._since))
        room = max(1, BATCH_RECORDS - sum(map(len, self._records.values())))
        try:
            fetched = self._consumer.poll(timeout_ms=int(wait * 1000), max_records=room)
        except NoOffsetForPartitionError:
            self._assignment.changed = True  # assigned, but the database did not answer in time to seek
            return
        except OffsetOutOfRangeError as error:
            raise HistoryLost(f"the log no longer holds what the books are to read next: {error}") from error
        for tp, records in fetched.items():
            self._records.setdefault(tp, []).extend(records)

    def _seek(self) -> None:
        try:
            self._assignment.seek_all()
        except IllegalStateError:
            self._assignment.changed = True  # assigned anew meanwhile

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a step; where another owner is ahead, go to the database's offsets instead. Not an error."""
        if self._assignment.changed:
            return
        try:
            step()
        except Fenced as fenced:
            poster().retries.labels("fenced").inc()
            log.info("another owner is ahead", offsets=fenced.offsets)
            self._assignment.changed = True

    def _retried(self, attempt: Callable[[], None]) -> None:
        """Try a transaction until it passes or cannot; a broken connection is replaced.

        Whether a commit whose answer was lost took place shows at the next try: the offsets have moved then.
        """
        for tried in stamina.retry_context(
            on=lambda error: retry_cause(error) is not None,
            attempts=None,
            timeout=RETRY_SECONDS,
            wait_initial=0.05,
            wait_max=3.0,
            wait_jitter=0.2,
        ):
            with tried:
                self._health.beat()
                try:
                    attempt()
                except Exception as error:
                    if cause := retry_cause(error):
                        poster().retries.labels(cause).inc()
                        log.warning("transaction rolled back", cause=cause, error=str(error).partition("\n")[0])
                        self._book.disconnect()
                    raise

    def _bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """From where the next batch begins to where the client fetches next; records may be missing in between."""
        records = self._records.get(tp)
        end = self._consumer.position(tp)
        first = self._assignment.next[tp]
        if end is None or (records and records[0].offset < first):
            raise Fenced({tp.partition: first})
        return first, max(first, end)

    def _post(self) -> None:
        """Post what was fetched of the credits partitions."""
        tps = [TopicPartition(CREDITS.name, number) for number in self._assignment.credits]
        bounds = {tp: self._bounds(tp) for tp in tps}
        ranges = {tp.partition: (first, end) for tp, (first, end) in bounds.items() if end > first}
        if not ranges:
            return
        records = list(chain.from_iterable(self._records.get(tp, ()) for tp in tps))
        batch, poison = read_batch(ranges, records)
        began = time.perf_counter()
        while batch.ranges:
            try:
                self._retried(partial(self._post_once, batch))
            except ContentConflict as conflict:
                poison = explain_conflict(conflict)
                batch = batch.before(*conflict.place) if conflict.place else Batch({}, [])
            else:
                break
        if poison:
            raise InvariantBroken(poison)
        poster().batch_seconds.observe(time.perf_counter() - began)
        poster().batch_records.observe(len(records))
        self._moved({TopicPartition(CREDITS.name, number): end for number, (_, end) in ranges.items()}, records)

    def _post_once(self, batch: Batch) -> None:
        also: set[int] = set()
        while True:
            try:
                with self._book.transaction() as transaction:
                    outcome = post_batch(transaction, batch, self._reference, settings().settlement_zone_minutes, also)
            except OwnedElsewhere as elsewhere:
                also |= elsewhere.partitions
                poster().retries.labels("owned_elsewhere").inc()
            else:
                _count(outcome)
                return

    def _take_registry(self) -> None:
        """Take what was fetched of the registry, refused events to the dead-letter topic first."""
        tp = self._assignment.registry
        if tp is None:
            return
        bounds = self._bounds(tp)
        if bounds[1] <= bounds[0]:
            return
        events, refused = [], []
        for record in self._records.get(tp, ()):
            try:
                events.append(read_event(record.offset, record.value))
            except InvalidEvent as invalid:
                refused.append((record, invalid))
        self._dead_letters.send(refused)
        zone = settings().settlement_zone_minutes

        def take() -> None:
            with registry_transaction(self._book) as transaction:
                _count(take_registry(transaction, bounds, events, self._reference, WRITER_N, zone))

        self._retried(take)
        poster().registry_events.labels("accepted").inc(len(events))
        poster().registry_events.labels("refused").inc(len(refused))
        self._moved({tp: bounds[1]}, self._records.get(tp, ()))

    def _reprice(self) -> None:
        """Work one chunk of the oldest open reprice job of a partition of ours."""

        def work() -> None:
            found = oldest_open_job(self._book, self._assignment.credits)
            if found is None:
                return
            with registry_transaction(self._book) as transaction:
                outcome = reprice_chunk(
                    transaction, found.job, found.partition, self._reference, settings().settlement_zone_minutes
                )
            _count(outcome)

        self._retried(work)

    def _moved(self, ends: dict[TopicPartition, int], records: Any) -> None:
        """Note what is durable now, and leave Kafka a hint of it."""
        self._assignment.next.update(ends)
        self._lag.applied(records)
        self._consumer.commit_async({tp: OffsetAndMetadata(end, "", -1) for tp, end in ends.items()})


def _count(outcome: PostingCounts) -> None:
    metrics = poster()
    for what, count in outcome.assertions.items():
        metrics.assertions.labels(what).inc(count)
    for kind, count in outcome.entries.items():
        metrics.entries.labels(kind).inc(count)
    for (kind, currency), minor in outcome.moved.items():
        metrics.posted.labels(kind, currency).inc(minor)


def run() -> None:
    """The process: until SIGTERM or SIGINT, then a clean end.

    Raises:
        StartRefused: the world is not as it must be.
        InvariantBroken: a poison credit, or books that contradict themselves.
    """
    name = settings().instance_id or "poster"
    configure_logging(name)
    health = Health(name)
    health.serve()
    writer = engine("writer", options=SESSION, **KEEPALIVES)
    plain = engine("writer", **KEEPALIVES)
    check_start(plain)
    consumer = make_consumer(BATCH_RECORDS)
    assignment = Assignment(consumer, plain)
    process = Poster(BookConnections(writer, plain), consumer, assignment, health)
    health.not_ready = lambda: None if assignment.received else "no partitions were assigned yet"
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(process, "stopping", True))
    gauges = Gauges(plain)
    gauges.start()
    gc.freeze()
    gc.disable()
    join(consumer, assignment)
    log.info("started")
    try:
        process.run()
    except InvariantBroken as broken:
        common().invariants.labels("poison_credit").inc()
        log.exception("stopped", reason=str(broken))
        raise
    except Stalled as stalled:
        poster().retries.labels("stalled").inc()
        log.exception("stopped, to be started again", reason=str(stalled))
        raise
    finally:
        process.close()
    log.info("stopped cleanly")
