"""The poster's transactions, one after the other: the registry's records, a batch of credits, a chunk of repricing.

They run beside the loop that fetches and decodes the next batch, so that neither waits for the other's waits.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from schemas.decoding import InvalidEvent
from schemas.topics import CREDITS
from services.kernel.errors import InvariantBroken
from services.runtime import tracing
from services.runtime.metrics import poster
from services.runtime.settings import settings
from services.settlement.books.entry_builder import PostingCounts
from services.settlement.books.ports import Batch
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.books.registry_transaction import oldest_open_job, registry_transaction
from services.settlement.books.retrying import retried
from services.settlement.books.traced_entries import TracedEntries
from services.settlement.domain.lines.line import ContentConflict
from services.settlement.domain.pricing.reference import Reference
from services.settlement.posting.fetching import FetchedBatch, RegistryRecords
from services.settlement.posting.post_credits import OwnedElsewhere, post_batch
from services.settlement.posting.read_credits import explain_conflict
from services.settlement.posting.read_registry import DeadLetters, read_event
from services.settlement.posting.reprice import reprice_chunk
from services.settlement.posting.take_registry import take_registry

WRITER_N = CREDITS.partitions


class Transactions:
    """Posts batches, each at most once in effect.

    Args:
        book: connections that nobody else uses.
        beat: told that it is alive, at each try.
    """

    def __init__(self, book: BookConnections, beat: Callable[[], None]) -> None:
        self._book = book
        self._beat = beat
        self._reference = Reference()
        self._dead_letters = DeadLetters()
        self._zone = settings().settlement_zone_minutes

    def close(self) -> None:
        """Disconnect."""
        self._dead_letters.close()
        self._book.disconnect()

    def post(self, batch: FetchedBatch) -> None:
        """Post a batch, the registry's records first.

        Raises:
            Fenced: another owner is ahead.
            InvariantBroken: a credit that cannot be booked; all before it is.
        """
        if batch.registry is not None:
            self._take_registry(batch.registry)
        if batch.credits.ranges or batch.poison:
            self._post_credits(batch.credits, batch.poison)

    def reprice(self, partitions: Sequence[int]) -> None:
        """Work one chunk of the oldest open reprice job of these partitions."""
        self.retried(partial(self._reprice_once, partitions))

    def retried(self, attempt: Callable[[], None]) -> None:
        """Try a transaction until it passes or cannot; a broken connection is replaced.

        Whether a commit whose answer was lost took place shows at the next try: the offsets have moved then.
        """

        def try_once() -> None:
            self._beat()
            attempt()

        retried(try_once, self._roll_back)

    def _roll_back(self, cause: str) -> None:
        """Count a try that failed, and connect anew for the next one."""
        poster().retries.labels(cause).inc()
        self._book.disconnect()

    def _post_credits(self, batch: Batch, poison: str | None) -> None:
        """Post a batch of credits, in case of two truths for one line all that is before them."""
        began, records = time.perf_counter(), len(batch.incoming)
        while batch.ranges:
            try:
                with tracing.reading(CREDITS.name, batch.carriers) as spans:
                    own = {at: tracing.carrier_from(span) for at, span in spans.items()}
                    self.retried(partial(self._post_once, replace(batch, carriers=own)))
            except ContentConflict as conflict:
                poison = explain_conflict(conflict)
                batch = batch.before(*conflict.place) if conflict.place else Batch({}, [])
            else:
                break
        if poison:
            raise InvariantBroken(poison, "poison_credit")
        poster().batch_seconds.observe(time.perf_counter() - began)
        poster().batch_records.observe(records)

    def _post_once(self, batch: Batch) -> None:
        also: set[int] = set()
        while True:
            try:
                with self._book.transaction() as transaction:
                    traced = TracedEntries(batch.carriers)
                    passed = traced.note if batch.carriers else iter
                    counts = post_batch(transaction, batch, self._reference, self._zone, also, passed)
                    traced.keep(transaction.cursor)
            except OwnedElsewhere as elsewhere:
                also |= elsewhere.partitions
                poster().retries.labels("owned_elsewhere").inc()
            else:
                _count(counts)
                return

    def _take_registry(self, fetched: RegistryRecords) -> None:
        """Take what was fetched of the registry, refused events to the dead-letter topic first."""
        events, refused = [], []
        for record in fetched.records:
            try:
                events.append(read_event(record.offset, record.value))
            except InvalidEvent as invalid:
                refused.append((record, invalid))
        self._dead_letters.send(refused)

        def take() -> None:
            with registry_transaction(self._book) as transaction:
                _count(take_registry(transaction, fetched.bounds, events, self._reference, WRITER_N, self._zone))

        self.retried(take)
        poster().registry_events.labels("accepted").inc(len(events))
        poster().registry_events.labels("refused").inc(len(refused))

    def _reprice_once(self, partitions: Sequence[int]) -> None:
        found = oldest_open_job(self._book, partitions)
        if found is None:
            return
        with registry_transaction(self._book) as transaction:
            counts = reprice_chunk(transaction, found.job, found.partition, self._reference, self._zone)
        _count(counts)


def _count(counts: PostingCounts) -> None:
    metrics = poster()
    for what, count in counts.assertions.items():
        metrics.assertions.labels(what).inc(count)
    for kind, count in counts.entries.items():
        metrics.entries.labels(kind).inc(count)
    for (kind, currency), minor in counts.moved.items():
        metrics.posted.labels(kind, currency).inc(minor)
