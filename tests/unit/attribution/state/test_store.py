"""The store: one behaviour, in memory and on RocksDB; and what it refuses to carry on."""

import asyncio

import pytest

from services.attribution.apply.orders import apply_orders
from services.attribution.apply.ports import Changes
from services.attribution.apply.records import OrderRecord, TouchRecord
from services.attribution.apply.touches import apply_touches
from services.attribution.domain import facts
from services.attribution.domain.horizons import Horizons
from services.attribution.state import buyer_cache, buyer_rows
from services.attribution.state.metadata import StoreTerms
from services.attribution.state.store import Store
from services.kernel.errors import InvariantBroken
from services.kernel.time import DAY
from tests.kit.attribution_words import NOW, RULES, Records, declared, fact, payment, read_to, touch
from tests.reference.attribution_reference import LogRecord

TERMS = StoreTerms.now(3, {"clicks": "id-1", "orders": "id-2"}, Horizons(), RULES)


def test_state_comes_back_as_it_was(reopen):
    store = Store(reopen(), TERMS, RULES)
    at = (NOW + DAY) // 1000
    with store.applying(Records("clicks", 0, 1)):
        apply_touches(store.shard, [TouchRecord(LogRecord(0, at, "b_1", "", touch()), "b_1", touch())])
    events = [
        payment(declared=declared()),
        fact(facts.REFUNDED, refund_id="rf", refunds=(("1", 5, 1),)),
        fact(facts.RECEIVED, "e2", line_ids=("1",)),
    ]
    records = [
        OrderRecord(LogRecord(i, at, "b_1", "o_1", event), "b_1", "o_1", event) for i, event in enumerate(events)
    ]
    waiting = LogRecord(3, at, "b_2", "o_9", fact(facts.COMPLETED), b"key", b"value", (("h", b"x"),))
    with store.applying(Records("orders", 0, 4)):
        apply_orders(store.shard, [*records, OrderRecord(waiting, "b_2", "o_9", waiting.event)])
    before = dict(store.shard.buyers.fetch({"b_1", "b_2"}))
    store.write(store.take())
    again = Store(reopen(), TERMS, RULES)
    assert dict(again.shard.buyers.fetch({"b_1", "b_2"})) == before
    assert again.next_offsets == again.durable == {"clicks": 1, "orders": 4}
    assert again.shard.marks == store.shard.marks
    [held] = again.shard.room.held.values()
    assert (held.key, held.value, held.headers, held.offset) == (b"key", b"value", (("h", b"x"),), 3)
    assert [buyer_id for buyer_id, _ in again.every_buyer()] == ["b_1", "b_2"]


def test_a_checkpoint_is_written_without_changes_that_came_after_it_was_taken(reopen, monkeypatch):
    monkeypatch.setattr(buyer_cache, "MAX_CACHED", 0)
    store = Store(reopen(), TERMS, RULES)
    at = NOW // 1000

    def click(offset):
        one = touch(f"t{offset}")
        with store.applying(Records("clicks", offset, offset + 1)):
            apply_touches(store.shard, [TouchRecord(LogRecord(offset, at, "b_1", "", one), "b_1", one)])

    click(0)
    taken = store.take()
    click(1)
    store.write(taken)
    assert store.durable == {"clicks": 1, "orders": 0}
    assert list(store.shard.buyers.fetch({"b_1"})["b_1"].touches) == [0, 1]
    again = Store(reopen(), TERMS, RULES)
    assert list(again.shard.buyers.fetch({"b_1"})["b_1"].touches) == [0]
    assert again.next_offsets == {"clicks": 1, "orders": 0}


def test_a_stretch_counts_as_read_at_the_end_of_its_block_and_not_before(reopen):
    store = Store(reopen(), TERMS, RULES)
    record = LogRecord(4, 1_700, "b_1", "", touch())
    with store.applying(Records("clicks", 0, 5, (record,))):
        assert (store.next_offsets, store.needs_checkpoint) == ({"clicks": 0, "orders": 0}, False)
    assert store.next_offsets == {"clicks": 5, "orders": 0}
    assert store.applied_at == {"clicks": 1_700}
    read_to(store, "clicks", 7)
    assert store.next_offsets == {"clicks": 7, "orders": 0}
    assert store.applied_at == {"clicks": 1_700}
    assert store.needs_checkpoint


def test_a_stretch_that_does_not_begin_where_the_last_one_ended_is_refused(reopen):
    store = Store(reopen(), TERMS, RULES)
    for first in (1, -1):
        with (
            pytest.raises(InvariantBroken, match=rf"clicks\[3\]: a chunk starts at {first}, expected 0"),
            store.applying(Records("clicks", first, 5)),
        ):
            pytest.fail("it was applied")
    assert store.is_whole


def test_a_store_whose_block_was_cut_off_is_never_written_again(reopen):
    for begin in (lambda store: store.applying(Records("clicks", 0, 5)), Store.publishing_all):
        store = Store(reopen(), TERMS, RULES)
        with pytest.raises(asyncio.CancelledError), begin(store):
            raise asyncio.CancelledError
        assert not store.is_whole
        assert not store.needs_checkpoint
        assert store.next_offsets == {"clicks": 0, "orders": 0}
        with pytest.raises(InvariantBroken, match="an earlier chunk was cut off"):
            read_to(store, "orders", 1)


def test_nobody_but_the_store_moves_its_offsets(reopen):
    store = Store(reopen(), TERMS, RULES)
    for offsets in (store.next_offsets, store.durable, store.applied_at):
        with pytest.raises(TypeError):
            offsets["clicks"] = 7


def test_an_empty_buyer_has_no_row(reopen):
    database = reopen()
    store = Store(database, TERMS, RULES)
    store.shard.buyers.fetch({"b_1"})
    store.shard.buyers.note(Changes({"b_1": store.shard.buyers.fetch({"b_1"})["b_1"]}))
    store.write(store.take())
    assert database.get_many([buyer_rows.buyer_key("b_1")]) == [None]
