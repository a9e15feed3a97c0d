"""Buyers in memory and what is written: who goes and comes back is found again, and nothing is left over."""

from services.attribution.apply.orders import apply_orders
from services.attribution.apply.records import OrderRecord, TouchRecord
from services.attribution.apply.touches import apply_touches
from services.attribution.domain.horizons import Horizons, Watermarks
from services.attribution.state import buyer_cache
from services.attribution.state.buyer_rows import BUYER
from services.attribution.state.metadata import StoreTerms
from services.attribution.state.store import Store
from services.kernel.time import DAY
from tests.kit.attribution_memory import MemoryKeyValue
from tests.kit.attribution_words import NOW, RULES, payment, touch
from tests.reference.attribution_reference import LogRecord

TERMS = StoreTerms.now(3, {"clicks": "id-1"}, Horizons(), RULES)
LATER = NOW + 300 * DAY


def opened(rows):
    return Store(MemoryKeyValue(rows), TERMS, RULES)


def click(store, offset, event_id, at=NOW):
    one = touch(event_id, at=at)
    outcome = apply_touches(store.shard, [TouchRecord(LogRecord(offset, at // 1000, "b_1", "", one), "b_1", one)])
    assert not outcome.refusals
    assert not outcome.duplicates


def order(store, offset, at=NOW):
    paid = payment(at=at)
    apply_orders(store.shard, [OrderRecord(LogRecord(offset, at // 1000, "b_1", "o_1", paid), "b_1", "o_1", paid)])


def age(store):
    """Let the logs move on until nothing known so far can matter."""
    store.shard.marks = Watermarks(LATER, LATER)


def stored(rows):
    return [key for key in sorted(rows) if key.startswith(BUYER)]


def event_ids(rows):
    return [t.event_id for t in opened(rows).shard.buyers.fetch(["b_1"])["b_1"].touches.values()]


def test_a_buyer_that_was_swept_while_cached_is_found_again_with_its_new_touch():
    rows = {}
    store = opened(rows)
    click(store, 0, "old")
    store.write(store.take())
    age(store)
    store.write(store.take())
    assert stored(rows) == []
    click(store, 1, "new", at=LATER)
    store.write(store.take())
    assert event_ids(rows) == ["new"]


def test_a_buyer_forgotten_at_a_checkpoint_is_found_again_with_a_touch_from_before_the_write():
    rows = {}
    store = opened(rows)
    click(store, 0, "old")
    store.write(store.take())
    click(store, 1, "old_too")
    age(store)
    taken = store.take()
    click(store, 2, "new", at=LATER)
    store.write(taken)
    assert stored(rows) == []
    store.write(store.take())
    assert event_ids(rows) == ["new"]


def test_forgotten_rows_of_a_buyer_that_stays_are_deleted():
    rows = {}
    store = opened(rows)
    click(store, 0, "old")
    order(store, 0)
    store.write(store.take())
    assert len(stored(rows)) == 3
    age(store)
    click(store, 1, "new", at=LATER)
    store.write(store.take())
    assert len(stored(rows)) == 2
    assert event_ids(rows) == ["new"]


def test_a_buyer_without_events_is_neither_stored_nor_cached_for_ever(monkeypatch):
    monkeypatch.setattr(buyer_cache, "MAX_CACHED", 0)
    rows = {}
    store = opened(rows)
    store.shard.buyers.fetch(["b_1"])
    store.write(store.take())
    assert store.cached_buyers() == 0
    click(store, 0, "first")
    store.write(store.take())
    assert event_ids(rows) == ["first"]
