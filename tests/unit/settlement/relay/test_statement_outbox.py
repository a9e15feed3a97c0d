"""Rounds of the statements' outbox against a store and a producer in memory."""

import asyncio
from typing import Any

import pytest

from services.kernel.errors import InvariantBroken
from services.settlement.domain.statements.statement import NumberedStatement
from services.settlement.relay.statement_outbox import publish_statements
from services.settlement.relay.store import ElectionLost
from tests.kit.statement_bodies import BRAND, KOC, PLATFORM
from tests.kit.statements import sealed


class Store:
    """Statements in memory; those of `incomplete` closes have no root yet."""

    def __init__(self, *statements: NumberedStatement) -> None:
        self.issued = {one.seq: one for one in statements}
        self.incomplete: set[int] = set()
        self.published = 0

    async def statement_positions(self) -> tuple[int, int]:
        return self.published, max(self.issued, default=0)

    async def has_statement(self, seq: int) -> bool:
        return seq in self.issued

    async def statements(self, after: int, limit: int) -> list[NumberedStatement]:
        found = [one for seq, one in sorted(self.issued.items()) if seq > after and seq not in self.incomplete]
        return found[:limit]

    async def advance_statements(self, published: int, seq: int) -> None:
        if self.published != published:
            raise ElectionLost
        self.published = seq


class Producer:
    """Takes batches whose records come to at most so many bytes, and acknowledges at once."""

    def __init__(self, limit: int = 8_000_000) -> None:
        self.limit, self.sent = limit, []  # type: int, list[list[bytes]]

    def create_batch(self) -> Any:
        return Batch(self.limit)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> "asyncio.Future[None]":
        assert (topic, partition) == ("settlement.statements.v1", 0)
        self.sent.append(batch.values)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        return answer


class Batch:
    def __init__(self, limit: int) -> None:
        self.limit, self.values = limit, []  # type: int, list[bytes]

    def append(self, *, value: bytes, **_: Any) -> object:
        if sum(map(len, self.values)) + len(value) > self.limit:
            return None
        self.values.append(value)
        return object()

    def close(self) -> None:
        """As aiokafka's."""


def rounds(store: Any, producer: Producer, count: int) -> list[int]:
    async def publish() -> list[int]:
        return [await publish_statements(store, producer) for _ in range(count)]

    return asyncio.run(publish())


def test_statements_go_out_in_their_order_once() -> None:
    store, producer = Store(*sealed(BRAND, KOC, PLATFORM)), Producer()
    assert rounds(store, producer, 2) == [3, 0]
    assert [len(batch) for batch in producer.sent] == [3]


def test_a_batch_holds_what_fits_and_the_next_begins_behind_it() -> None:
    store = Store(*sealed(BRAND, KOC, PLATFORM))
    producer = Producer(limit=max(len(one.body) for one in store.issued.values()) + 800)
    assert rounds(store, producer, 3) == [1, 1, 1]
    assert store.published == 3


def test_a_statement_whose_close_lacks_others_waits_and_so_does_what_comes_behind_it() -> None:
    store, producer = Store(*sealed(BRAND, KOC, PLATFORM)), Producer()
    store.incomplete = {2}
    assert rounds(store, producer, 2) == [1, 0]
    store.incomplete = set()
    assert rounds(store, producer, 1) == [2]


@pytest.mark.parametrize(("lost", "sent"), [(1, 0), (2, 1)])
def test_a_gap_stops_the_relay_before_it(lost: int, sent: int) -> None:
    store, producer = Store(*sealed(BRAND, KOC, PLATFORM)), Producer()
    del store.issued[lost]
    with pytest.raises(InvariantBroken, match=f"statement {lost} is missing"):
        rounds(store, producer, 2)
    assert sum(map(len, producer.sent)) == sent


def test_a_statement_that_does_not_lead_to_its_root_is_not_published() -> None:
    store, producer = Store(*sealed(BRAND, KOC, PLATFORM)), Producer()
    store.issued[1] = store.issued[1]._replace(body=store.issued[1].body.replace("32000", "32001"))
    with pytest.raises(InvariantBroken, match="statement 1 does not lead to the root of 2026-11 revision 1"):
        rounds(store, producer, 1)
    assert producer.sent == []


def test_more_published_than_issued_stops_the_relay() -> None:
    store = Store(*sealed(BRAND))
    store.published = 2
    with pytest.raises(InvariantBroken, match="2 statements are published, 1 are issued"):
        rounds(store, Producer(), 1)
