"""What a poster does to its books, without Kafka between: batches of assertions, registry events, reprice jobs.

It drives any books: those in memory, and those in PostgreSQL (tests.kit.books).
"""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from schemas.topics import BUYER_PARTITIONS
from services.kernel.errors import InvariantBroken
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.entry_builder import PostingCounts
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.books.memory import MemoryBooks, MemoryTransaction
from services.settlement.books.memory_payouts import MemoryPayoutStore
from services.settlement.books.memory_runs import MemoryRunStore
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.payout_ports import PayoutStore, StoredPayout
from services.settlement.books.ports import (
    Batch,
    IncomingAssertion,
    OpenJob,
    RegistryTransaction,
    RepriceTransaction,
    Transaction,
)
from services.settlement.books.run_ports import RunStore
from services.settlement.books.snapshot_port import BooksSnapshot
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.pricing.reference import Reference
from services.settlement.posting.post_credits import OwnedElsewhere, post_batch
from services.settlement.posting.read_registry import read_event
from services.settlement.posting.reprice import CHUNK, reprice_chunk
from services.settlement.posting.take_registry import take_registry
from tests.kit.settlement_facts import Fact

ZONE_MINUTES = 480
WRITER_N = BUYER_PARTITIONS
PARTITIONS = range(BUYER_PARTITIONS)


class SlowTransaction(RegistryTransaction, RepriceTransaction, Protocol):
    """A transaction that takes registry events and works reprice jobs."""


class BookStore(Protocol):
    """Books, by the transactions of the write path and the snapshot of a reader.

    Attributes:
        refusals: what these books raise for rows that contradict them.
    """

    refusals: tuple[type[Exception], ...]

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction that posts."""

    def registry_transaction(self) -> AbstractContextManager[SlowTransaction]:
        """A transaction that takes registry events or works a reprice job."""

    def oldest_open_job(self, partitions: range) -> OpenJob | None:
        """The oldest reprice job with lines left in one of these partitions."""

    def snapshot(self) -> AbstractContextManager[BooksSnapshot]:
        """The books as they are now."""

    def runs(self) -> AbstractContextManager[RunStore]:
        """Where runs are planned and applied."""

    def payouts(self) -> AbstractContextManager[PayoutStore]:
        """Where payouts are proposed."""

    def stored_payouts(self, batch: str) -> list[StoredPayout]:
        """The payouts of a batch, by party and currency."""

    def close_month(self, month: str) -> None:
        """Close YYYY-MM, as the closer will."""

    def terms(self, registry_offset: int, as_of: int) -> Terms:
        """Terms as a run makes them."""

    def hints(self) -> list[tuple[int, str, Key]]:
        """(partition, day, line) of every hint that a line is due, in order."""

    def party_legs(self) -> dict[tuple[str, int, int], tuple[int, int]]:
        """(account, writer, seq) -> (amount in minor units, kind's code) of the legs of parties."""

    def begin_generation(self, partition: int, generation: int) -> None:
        """As if the credits topic had been made again so many times."""


class BookDriver:
    """Posts to books as one poster that owns all partitions.

    Attributes:
        offsets: the next offset of each credits partition; setting it back repeats a batch.
        registry_offset: the next offset of the registry.
    """

    def __init__(self, store: BookStore) -> None:
        self.store = store
        self.offsets = dict.fromkeys(PARTITIONS, 0)
        self.reference = Reference()
        self.registry_offset = 0

    def assert_lines(self, *facts: Fact, partition: int = 3) -> PostingCounts:
        """One batch of assertions, as if attribution had published them."""
        first = self.offsets[partition]
        raws = [fact.wire() for fact in facts]
        incoming = [IncomingAssertion(partition, first + n, raw, decode_credit(raw)) for n, raw in enumerate(raws)]
        batch = Batch({partition: (first, first + len(facts))}, incoming)
        counts = self._post(batch)
        self.offsets[partition] = first + len(facts)
        return counts

    def _post(self, batch: Batch) -> PostingCounts:
        """Post it, again with other writers locked where it displaces lines of theirs."""
        also: set[int] = set()
        while True:
            try:
                with self.store.transaction() as transaction:
                    return post_batch(transaction, batch, self.reference, ZONE_MINUTES, also)
            except OwnedElsewhere as elsewhere:
                also |= elsewhere.partitions

    def register(self, *bodies: Mapping[str, Any]) -> None:
        """One batch of registry events; then all that it leaves to be priced again."""
        self.take_registry(*bodies)
        self.reprice()

    def take_registry(self, *bodies: Mapping[str, Any]) -> PostingCounts:
        """One batch of registry events; what it leaves to be priced again stays open."""
        first, end = self.registry_offset, self.registry_offset + len(bodies)
        events = [read_event(first + index, json.dumps(body).encode()) for index, body in enumerate(bodies)]
        with self.store.registry_transaction() as transaction:
            counts = take_registry(transaction, (first, end), events, self.reference, WRITER_N, ZONE_MINUTES)
        self.registry_offset = end
        return counts

    def reprice(self, limit: int = CHUNK) -> int:
        """Work all open reprice jobs to their end, so many lines a transaction; returns how many lines changed."""
        changed = 0
        while found := self.store.oldest_open_job(PARTITIONS):
            with self.store.registry_transaction() as transaction:
                job, partition = found
                counts = reprice_chunk(transaction, job, partition, self.reference, ZONE_MINUTES, limit)
                changed += counts.assertions["repriced"]
        return changed

    def journal(self) -> list[JournalEntry]:
        """All entries by writer and number."""
        with self.store.snapshot() as books:
            return [row.in_place(books.names) for row in books.journal()]

    def net(self) -> dict[tuple[str | None, str | None, str, str], int]:
        """(order_id, line_id, account, currency) -> net amount, by the journal alone and without zeros."""
        sums: Counter[tuple[str | None, str | None, str, str]] = Counter()
        for entry in (one.entry for one in self.journal()):
            for account, amount in entry.legs.items():
                sums[entry.order_id, entry.line_id, account, entry.currency] += amount
        return {key: amount for key, amount in sums.items() if amount}


class MemoryStore:
    """Books in memory."""

    refusals = (InvariantBroken,)

    def __init__(self) -> None:
        self._books = MemoryBooks()

    def transaction(self) -> AbstractContextManager[MemoryTransaction]:
        return self._books.transaction()

    registry_transaction = transaction

    def oldest_open_job(self, partitions: range) -> OpenJob | None:
        return self._books.oldest_open_job(partitions)

    def snapshot(self) -> AbstractContextManager[BooksSnapshot]:
        return nullcontext(self._books.snapshot())

    def runs(self) -> AbstractContextManager[MemoryRunStore]:
        return nullcontext(MemoryRunStore(self._books))

    def payouts(self) -> AbstractContextManager[MemoryPayoutStore]:
        return nullcontext(MemoryPayoutStore(self._books))

    def stored_payouts(self, batch: str) -> list[StoredPayout]:
        found = [one for one in self._books.state.payouts.values() if one.batch == batch]
        return sorted(found, key=lambda one: one.plan[:2])

    @property
    def state(self) -> MemoryState:
        """What is committed, for tests that break it."""
        return self._books.state

    def close_month(self, month: str) -> None:
        self._books.state.periods[month] = True

    def terms(self, registry_offset: int, as_of: int) -> Terms:
        return Terms(7, registry_offset, as_of)

    def hints(self) -> list[tuple[int, str, Key]]:
        return sorted(self._books.state.due)

    def party_legs(self) -> dict[tuple[str, int, int], tuple[int, int]]:
        state = self._books.state
        keys = {account: key for (key, _), account in state.accounts.items()}
        return {(keys[account], writer, seq): leg for (account, writer, seq), leg in state.party_legs.items()}

    def begin_generation(self, partition: int, generation: int) -> None:
        self._books.state.writers[partition].generation = generation
