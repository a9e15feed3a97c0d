"""The poster process: credit assertions and registry events from Kafka into the books, each exactly once in effect.

Offsets live in the same transaction as what they produced; the loop only makes sure that what it posts begins where
the database stands. It fetches and decodes the next batch while a thread posts the last one.
"""

import gc
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog
from kafka import OffsetAndMetadata
from kafka.errors import IllegalStateError

from schemas.topics import BY_NAME, CREDITS, REGISTRY
from services.kernel.errors import InvariantBroken, Stalled
from services.runtime import tracing
from services.runtime.database import engine
from services.runtime.health import Health
from services.runtime.kafka_rights import check_rights
from services.runtime.lag import lag_watch
from services.runtime.log import configure_logging
from services.runtime.metrics import poster
from services.runtime.settings import settings
from services.settlement.books.posting_transaction import KEEPALIVES, SESSION, BookConnections
from services.settlement.posting.assignment import GROUP, Assignment, join, leave, make_consumer
from services.settlement.posting.fetching import FetchedBatch, Fetcher
from services.settlement.posting.gauges import Gauges
from services.settlement.posting.lag import Lag
from services.settlement.posting.post_credits import Fenced
from services.settlement.posting.start_checks import check_start
from services.settlement.posting.transactions import Transactions

BATCH_RECORDS = 5_000
BATCH_SECONDS = 0.2
COLLECT_SECONDS = 30.0
"""A batch makes half a million objects without a cycle: collecting whenever some are new cost 40 % of the time."""
log = structlog.get_logger(__name__)


class Poster:
    """The loop.

    Args:
        transactions: used by one thread at a time.
        consumer: a kafka-python consumer, not subscribed yet.
        assignment: its rebalance listener.
        health: told that the loop turns.
    """

    def __init__(self, transactions: Transactions, consumer: Any, assignment: Assignment, health: Health) -> None:
        self._transactions = transactions
        self._consumer = consumer
        self._assignment = assignment
        self._health = health
        self._fetcher = Fetcher(consumer, assignment)
        self._lag = Lag(consumer)
        self._thread = ThreadPoolExecutor(1, "posting")
        self._posting: tuple[FetchedBatch | None, Future[None]] | None = None
        self._since = 0.0
        self._collected = time.monotonic()
        self.stopping = False

    def run(self) -> None:
        """Turn until `stopping` is set; a batch that began is posted first, then the group is left."""
        while not self.stopping:
            self._health.beat()
            self._turn()
        self._finish()
        leave(self._consumer)

    def close(self) -> None:
        """Disconnect, however it ended; what was not posted is read again by the next owner."""
        self._thread.shutdown()
        self._consumer.close(autocommit=False)
        self._transactions.close()

    def _turn(self) -> None:
        wait = max(0.0, BATCH_SECONDS - (time.monotonic() - self._since))
        self._fetcher.fetch(wait, max(1, BATCH_RECORDS - self._fetcher.count))
        if self._assignment.changed:
            self._go_to_the_books()
        elif self._fetcher.count >= BATCH_RECORDS or time.monotonic() - self._since >= BATCH_SECONDS:
            self._finish()
            if not self._assignment.changed:
                self._begin()
            self._since = time.monotonic()
            self._lag.update(self._assignment.next)
            self._collect()

    def _go_to_the_books(self) -> None:
        """Go on from where the database stands, once what is being posted is over."""
        self._finish()
        self._transactions.retried(self._seek)
        self._fetcher.begin_anew()
        lag_watch().assign(self._assignment.next)
        self._lag.update(self._assignment.next)

    def _seek(self) -> None:
        try:
            self._assignment.seek_all()
        except IllegalStateError:
            self._assignment.changed = True  # assigned anew meanwhile

    def _begin(self) -> None:
        """Hand what was fetched to the thread that posts; there may be reprice jobs even if nothing was."""
        batch = self._fetcher.take()
        if not self._assignment.changed:
            partitions = self._assignment.credits
            lag_watch().take(batch.first_ms if batch else {})
            self._posting = batch, self._thread.submit(self._post, batch, partitions)

    def _post(self, batch: FetchedBatch | None, partitions: list[int]) -> None:
        """On the thread that posts."""
        if batch is not None:
            self._transactions.post(batch)
        self._transactions.reprice(partitions)

    def _finish(self) -> None:
        """Wait for what is being posted; note what is durable now, and leave Kafka a hint of it.

        Where another owner is ahead, go to the database's offsets instead: that is not an error.
        """
        if self._posting is None:
            return
        (batch, posting), self._posting = self._posting, None
        try:
            posting.result()
        except Fenced as fenced:
            poster().retries.labels("fenced").inc()
            log.info("another owner is ahead", offsets=fenced.offsets)
            self._assignment.changed = True
            return
        if batch is not None:
            self._assignment.next.update({tp: end for tp, end in batch.ends.items() if tp in self._assignment.next})
            lag_watch().move(batch.ends, batch.last_ms)
            self._consumer.commit_async({tp: OffsetAndMetadata(end, "", -1) for tp, end in batch.ends.items()})

    def _collect(self) -> None:
        """Collect garbage between batches, when there is little of it to walk through."""
        if time.monotonic() - self._collected > COLLECT_SECONDS:
            gc.collect()
            self._collected = time.monotonic()


def run() -> None:
    """The process: until SIGTERM or SIGINT, then a clean end.

    Raises:
        StartRefused: the world is not as it must be.
        InvariantBroken: a poison credit, or books that contradict themselves.
    """
    name = settings().instance_id or "poster"
    configure_logging(name)
    tracing.configure(name)
    health = Health(name)
    health.serve()
    writer = engine("writer", options=SESSION, **KEEPALIVES)
    plain = engine("writer", **KEEPALIVES)
    check_start(plain)
    check_rights((CREDITS, REGISTRY), (BY_NAME[REGISTRY.dlq],), GROUP)
    consumer = make_consumer(BATCH_RECORDS)
    assignment = Assignment(consumer, plain)
    transactions = Transactions(BookConnections(writer, plain), health.beat)
    process = Poster(transactions, consumer, assignment, health)
    health.not_ready = lambda: None if assignment.received else "no partitions were assigned yet"
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(process, "stopping", True))
    gauges = Gauges(plain)
    gauges.start()
    lag_watch().start()
    gc.freeze()
    gc.disable()
    join(consumer, assignment)
    log.info("started")
    with health.lingering():
        try:
            process.run()
        except InvariantBroken as broken:
            health.report(broken)
            log.exception("stopped", reason=str(broken))
            raise
        except Stalled as stalled:
            poster().retries.labels("stalled").inc()
            log.exception("stopped, to be started again", reason=str(stalled))
            raise
        finally:
            process.close()
    log.info("stopped cleanly")
