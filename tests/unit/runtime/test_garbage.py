"""State and chunks hold no cycles: what was applied or closed goes at once, for the collector is kept away."""

import gc
import weakref

import pytest
from faust.types import TP

from services.attribution.apply.records import TouchRecord
from services.attribution.apply.touches import apply_touches
from services.attribution.domain.horizons import Horizons
from services.attribution.state.metadata import StoreTerms
from services.attribution.state.store import Store
from services.attribution.stream.fetch import Chunk
from services.runtime import garbage
from tests.kit.attribution_memory import MemoryKeyValue
from tests.kit.attribution_words import NOW, RULES, touch
from tests.reference.attribution_reference import LogRecord

TERMS = StoreTerms.now(3, {"clicks": "id-1"}, Horizons(), RULES)


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


class Records(list):
    """A list that can be watched."""


@pytest.mark.usefixtures("_no_collector")
def test_the_records_of_a_chunk_go_with_it():
    chunk = Chunk(TP("clicks", 3), 0, 1, 0, Records([LogRecord(0, 1, "b_1", "", touch())]))
    assert chunk.value is chunk
    watched = weakref.ref(chunk.records)
    del chunk
    assert watched() is None


@pytest.mark.usefixtures("_no_collector")
def test_the_state_of_a_store_goes_when_it_is_closed():
    store = Store(MemoryKeyValue(), TERMS, RULES)
    apply_touches(store.shard, [TouchRecord(LogRecord(0, NOW // 1000, "b_1", "", touch()), "b_1", touch())])
    store.write(store.take())
    watched = weakref.ref(store.shard.buyers)
    store.close()
    del store
    assert watched() is None


@pytest.mark.usefixtures("_no_collector")
def test_a_cycle_is_collected_at_the_next_tidy_and_survivors_are_frozen():
    class Cycle:
        pass

    garbage.settle()
    assert not gc.isenabled()
    cycle = Cycle()
    cycle.self = cycle
    watched = weakref.ref(cycle)
    del cycle
    garbage.tidy()
    assert watched() is None
    assert gc.get_freeze_count() > 0
    garbage.begin_anew()
    assert gc.get_freeze_count() == 0
