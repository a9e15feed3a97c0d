"""The relay's rounds against a producer and a store that fail on request."""

import asyncio
from typing import Any

import pytest

from services.kernel.errors import InvariantBroken
from services.runtime.metrics import relay
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.domain.book.entries import GENESIS, Entry, Kind, Link, chain
from services.settlement.domain.book.severed import SeveredRows
from services.settlement.relay import process
from services.settlement.relay.process import Relay
from services.settlement.relay.store import ElectionLost, RelayLag

FULL = 3


def journal(writer: int, entries: int) -> list[JournalEntry]:
    rows, last = [], GENESIS
    for number in range(entries):
        entry = Entry(
            idem_key=f"credit|0|{writer}|{number}|o_{number}/1/b_1|0",
            cause="order event",
            kind=Kind.COMMISSION_ACCRUED,
            currency="CNY",
            period="2026-11",
            effective_at=0,
            order_id=f"o_{number}",
            line_id="1",
            corrects=None,
            legs={"brand:br_2:accrued": 5, "koc:k_7:pending": -5},
        )
        last = chain(entry, writer, last, 0)
        rows.append(JournalEntry(entry, writer, last.seq, 0, last.head))
    return rows


class Store:
    """Journal rows in memory."""

    def __init__(self, *writers: int, entries: int = 5) -> None:
        self.journal = {writer: journal(writer, entries) for writer in writers}
        self.published = dict.fromkeys(writers, 0)

    async def behind(self) -> list[RelayLag]:
        return [
            RelayLag(writer, self.published[writer], rows[-1].seq, 7.0 + writer)
            for writer, rows in self.journal.items()
            if rows[-1].seq != self.published[writer]
        ]

    async def head(self, writer: int, seq: int) -> Link:
        return next((row.link for row in self.journal[writer] if row.seq == seq), GENESIS)

    async def rows(self, writer: int, after: int, limit: int) -> list[JournalEntry]:
        return [row for row in self.journal[writer] if row.seq > after][:limit]

    async def severed_rows(self) -> SeveredRows:
        return SeveredRows()

    async def advance(self, writer: int, published: int, seq: int) -> None:
        if self.published[writer] != published:
            raise ElectionLost
        self.published[writer] = seq


class Batch:
    """Takes as many records as FULL."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, **record: Any) -> object:
        if len(self.values) == FULL:
            return None
        self.values.append(record["value"])
        return object()

    def close(self) -> None:
        """As aiokafka's."""


class Producer:
    """Acknowledges at once, but refuses the partitions in `broken`."""

    def __init__(self, *broken: int) -> None:
        self.broken = broken
        self.sent: list[tuple[int, int]] = []

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[None]":
        assert topic == "settlement.ledger.v1"
        self.sent.append((partition, len(batch.values)))
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if partition in self.broken:
            answer.set_exception(ConnectionError("the broker is gone"))
        else:
            answer.set_result(None)
        return answer


def rounds(store: Any, producer: Producer, count: int) -> list[int]:
    async def publish() -> list[int]:
        relay = Relay(store, producer)
        return [await relay.publish_round() for _ in range(count)]

    return asyncio.run(publish())


def test_a_writer_has_one_batch_a_round_and_the_next_begins_after_it() -> None:
    store, producer = Store(3, 12), Producer()
    assert rounds(store, producer, 3) == [6, 4, 0]
    assert producer.sent == [(3, 3), (12, 3), (3, 2), (12, 2)]
    assert store.published == {3: 5, 12: 5}


def test_nothing_is_stored_and_nothing_more_is_sent_after_a_failed_send() -> None:
    store, producer = Store(3, 12), Producer(12)
    with pytest.raises(ConnectionError):
        rounds(store, producer, 2)
    assert store.published == {3: 0, 12: 0}
    assert producer.sent == [(3, 3), (12, 3)]


def test_a_gap_in_one_writer_keeps_every_entry_of_the_round_back() -> None:
    store, producer = Store(3, 12), Producer()
    del store.journal[12][1]
    with pytest.raises(InvariantBroken, match="journal row 12-3 does not follow 12-1"):
        rounds(store, producer, 1)
    assert producer.sent == []


def test_a_row_that_says_other_than_its_hash_is_not_published() -> None:
    store, producer = Store(3), Producer()
    first = store.journal[3][0]
    store.journal[3][0] = first._replace(entry=first.entry._replace(cause="another"))
    with pytest.raises(InvariantBroken, match="journal row 3-1 does not follow 3-0"):
        rounds(store, producer, 1)
    assert producer.sent == []


def test_missing_rows_at_the_end_of_the_journal_are_no_news_to_publish() -> None:
    class Hollow(Store):
        async def behind(self) -> list[RelayLag]:
            return [RelayLag(3, 0, 5, None)]

    store, producer = Hollow(3), Producer()
    store.journal[3] = []
    with pytest.raises(InvariantBroken, match="journal row 3-1 is missing"):
        rounds(store, producer, 1)
    assert producer.sent == []


def test_a_position_that_another_relay_moved_ends_this_one() -> None:
    class Stolen(Store):
        async def rows(self, writer: int, after: int, limit: int) -> list[JournalEntry]:
            self.published[writer] = 1
            return await super().rows(writer, after, limit)

    with pytest.raises(ElectionLost):
        rounds(Stolen(3), Producer(), 1)


def test_the_age_of_the_oldest_unpublished_row_grows_while_the_broker_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(process.time, "monotonic", lambda: now[0])
    store = Store(3, 12)
    with pytest.raises(ConnectionError):
        rounds(store, Producer(3), 1)
    assert _lag_seconds() == 19
    now[0] += 30
    assert _lag_seconds() == 49
    rounds(store, Producer(), 5)
    assert _lag_seconds() == 0


def _lag_seconds() -> float:
    ((sample,),) = (family.samples for family in relay().lag_seconds.collect())
    return float(sample.value)
