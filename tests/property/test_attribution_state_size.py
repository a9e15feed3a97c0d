"""State is as large as the shop, not as old: a short form of `python -m tests.bench.state_size`."""

import pytest

from services.attribution.domain.horizons import Horizons
from services.attribution.state.rocksdb import RocksKeyValue
from services.kernel.time import DAY
from tests.bench.state_size import grow

ORDERS_20_DAYS = Horizons(order_memory=20 * DAY)
GROWTH = 1.1


@pytest.fixture
def database(tmp_path):
    opened = RocksKeyValue(tmp_path / "0")
    yield opened
    opened.close()


def test_state_stops_growing_once_all_horizons_have_passed(database):
    after_40, after_60 = grow(database, size=1, days=(40, 60), horizons=ORDERS_20_DAYS)
    assert after_40.open_orders > 50
    for measure in ("buyers", "touches", "open_orders", "row_bytes"):
        assert getattr(after_60, measure) <= GROWTH * getattr(after_40, measure), measure
