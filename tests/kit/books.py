"""Books filled through the real write path, without Kafka between: what a poster would have booked of these facts."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from schemas.topics import BUYER_PARTITIONS
from services.runtime.database import engine
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.migrations import migrate
from services.settlement.books.ports import Batch, IncomingAssertion
from services.settlement.books.posting_transaction import SESSION, BookConnections
from services.settlement.books.registry_transaction import oldest_open_job, registry_transaction
from services.settlement.domain.pricing.price import Reference
from services.settlement.posting.post_credits import OwnedElsewhere, post_batch
from services.settlement.posting.read_registry import read_event
from services.settlement.posting.reprice import reprice_chunk
from services.settlement.posting.take_registry import take_registry
from tests.kit.settlement_facts import Fact

ZONE_MINUTES = 480
WRITER_N = BUYER_PARTITIONS

PLAN: dict[str, Any] = {
    "event_id": "r1", "event_type": "plan.published", "occurred_at": "2026-10-01T00:00:00Z", "plan_id": "pl_1",
    "version": 1, "kind": "open", "brand_id": "br_2", "rate_ppm": 200_000, "currency": "CNY", "base": "goods_paid",
    "splits": [
        {"role": "platform", "of": "commission", "share_ppm": 100_000},
        {"role": "mcn", "of": "koc", "share_ppm": 200_000},
        {"role": "recruiter", "of": "koc", "share_ppm": 125_000},
    ],
    "return_window_days": 7, "effective_from": "2026-10-01T00:00:00Z", "effective_to": None,
}  # fmt: skip
RELATION: dict[str, Any] = {
    "event_id": "r2", "event_type": "relation.set", "occurred_at": "2026-10-01T00:00:00Z", "koc_id": "k_7",
    "parties": {"mcn": "m_1", "recruiter": "r_1"}, "effective_from": "2026-10-01T00:00:00Z", "effective_to": None,
}  # fmt: skip
CONTENT: dict[str, Any] = {
    "event_id": "r3", "event_type": "content.registered", "occurred_at": "2026-10-20T00:00:00Z", "content_id": "v_93",
    "koc_id": "k_7", "platform": "douyin", "brand_id": "br_2", "script_fee_minor": 30_000, "currency": "CNY",
}  # fmt: skip
ACCEPTED: dict[str, Any] = {
    "event_id": "r4", "event_type": "script_fee.accepted", "occurred_at": "2026-10-25T00:00:00Z", "content_id": "v_93",
}  # fmt: skip


class Books:
    """A migrated database that tests write to as the poster does; settings() must lead to it."""

    def __init__(self) -> None:
        self._owner = engine("owner")
        migrate(self._owner)
        self._engines = engine("writer", options=SESSION), engine("writer")
        self._book = BookConnections(*self._engines)
        self._reference = Reference()
        self._registry_offset = 0
        self._offsets = dict.fromkeys(range(BUYER_PARTITIONS), 0)

    def close(self) -> None:
        self._book.disconnect()
        for one in (self._owner, *self._engines):
            one.dispose()

    def assert_lines(self, *facts: Fact, partition: int = 3) -> None:
        """One batch of assertions, as if attribution had published them."""
        first = self._offsets[partition]
        incoming = [
            IncomingAssertion(partition, first + index, fact.wire(), decode_credit(fact.wire()))
            for index, fact in enumerate(facts)
        ]
        self._offsets[partition] = first + len(facts)
        batch = Batch({partition: (first, first + len(facts))}, incoming)
        try:
            self._post(batch, set())
        except OwnedElsewhere as elsewhere:
            self._post(batch, elsewhere.partitions)

    def _post(self, batch: Batch, also: set[int]) -> None:
        with self._book.transaction() as transaction:
            post_batch(transaction, batch, self._reference, ZONE_MINUTES, also)

    def register(self, *bodies: Mapping[str, Any]) -> None:
        """One batch of registry events; then all that it leaves to be priced again."""
        self.take_registry(*bodies)
        self.reprice()

    def take_registry(self, *bodies: Mapping[str, Any]) -> None:
        """One batch of registry events; what it leaves to be priced again stays open."""
        first = self._registry_offset
        events = [read_event(first + index, json.dumps(body).encode()) for index, body in enumerate(bodies)]
        self._registry_offset += len(bodies)
        bounds = first, self._registry_offset
        with registry_transaction(self._book) as transaction:
            take_registry(transaction, bounds, events, self._reference, WRITER_N, ZONE_MINUTES)

    def reprice(self) -> None:
        """Work all open reprice jobs to their end."""
        while found := oldest_open_job(self._book, range(BUYER_PARTITIONS)):
            with registry_transaction(self._book) as transaction:
                reprice_chunk(transaction, found.job, found.partition, self._reference, ZONE_MINUTES)

    def plant(self, *statements: str) -> None:
        """Do what nobody may: as the owner, who can switch off the trigger that keeps the journal as it is."""
        with self._owner.begin() as connection:
            connection.execute(text("ALTER TABLE journal DISABLE TRIGGER journal_is_immutable"))
            for statement in statements:
                assert connection.execute(text(statement)).rowcount == 1, statement
            connection.execute(text("ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_is_immutable"))

    def grant(self, statement: str) -> None:
        """Give or take rights as the owner."""
        with self._owner.begin() as connection:
            connection.execute(text(statement))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._owner.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
