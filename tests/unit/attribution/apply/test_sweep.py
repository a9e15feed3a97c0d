"""The sweep: what no longer changes goes too, in steps of bounded work, and without anybody noticing."""

import pytest

from services.attribution.apply import sweep
from services.attribution.apply.records import TouchRecord
from services.attribution.apply.sweep import Sweep
from services.attribution.apply.touches import apply_touches
from services.attribution.domain.forgetting import Retention
from services.attribution.domain.horizons import Horizons, Watermarks
from services.attribution.state import buyer_cache
from services.attribution.state.buyer_rows import BUYER
from services.attribution.state.metadata import StoreTerms
from services.attribution.state.store import Store
from services.kernel.time import DAY
from tests.kit.attribution_memory import MemoryKeyValue
from tests.kit.attribution_words import NOW, RULES, buyer_with, order_of, touch
from tests.reference.attribution_reference import LogRecord

TERMS = StoreTerms.now(3, {"clicks": "id-1"}, Horizons(), RULES)
LONG_AGO = Retention(orders_from=NOW, touches_from=NOW)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch):
    monkeypatch.setattr(sweep, "BUYERS_PER_STEP", 2)
    monkeypatch.setattr(buyer_cache, "MAX_CACHED", 0)


def sweep_over(buyers, after=""):
    return Sweep(lambda start: ((i, buyer) for i, buyer in sorted(buyers.items()) if i > start), after)


def stale():
    return buyer_with([touch(at=NOW - DAY)])


def test_a_round_takes_as_many_steps_as_it_needs_and_then_rests_for_the_day():
    buyers = {name: stale() for name in "abc"}
    swept = sweep_over(buyers)
    assert [i for i, *_ in swept.step(LONG_AGO, set())] == ["a", "b"]
    assert [(i, buyer.is_empty()) for i, buyer, _ in swept.step(LONG_AGO, set())] == [("c", True)]
    buyers["d"] = stale()
    assert swept.step(LONG_AGO, set()) == []
    tomorrow = Retention(NOW + DAY, NOW)
    assert [i for i, *_ in swept.step(tomorrow, set()) + swept.step(tomorrow, set())] == ["d"]


def test_buyers_that_changed_and_buyers_that_are_needed_whole_are_left_alone():
    buyers = {"a": stale(), "b": buyer_with([touch(at=NOW)], [order_of()])}
    assert sweep_over(buyers).step(LONG_AGO, {"a"}) == []
    assert len(buyers["a"].touches) == 1


def test_a_round_that_saw_an_earlier_day_is_followed_by_another():
    buyers = {name: stale() for name in "abc"}
    swept = sweep_over(buyers)
    swept.step(Retention(NOW - 9 * DAY, NOW - 9 * DAY), set())
    assert [i for i, *_ in swept.step(LONG_AGO, set())] == ["c"]
    assert [i for i, *_ in swept.step(LONG_AGO, set())] == ["a", "b"]


def test_the_sweep_deletes_buyers_that_never_come_back_and_goes_on_after_a_restart():
    rows = {}
    store = Store(MemoryKeyValue(rows), TERMS, RULES)
    for offset, name in enumerate("abcde"):
        one = touch(f"t{offset}")
        apply_touches(store.shard, [TouchRecord(LogRecord(offset, NOW // 1000, name, "", one), name, one)])
    store.write(store.take())
    for step in range(3):
        store = Store(MemoryKeyValue(rows), TERMS, RULES)
        store.shard.marks = Watermarks(NOW + 99 * DAY, NOW + 99 * DAY)
        store.write(store.take())
        left = "".join(buyer_id for buyer_id, _ in store.every_buyer())
        assert left == "abcde"[2 * step + 2 :]
        assert len([key for key in rows if key.startswith(BUYER)]) == 2 * len(left)
