"""A database for each test of the state: in memory, and on RocksDB."""

import pytest

from services.attribution.state.rocksdb import RocksKeyValue
from tests.kit.attribution_memory import MemoryKeyValue


@pytest.fixture(params=["memory", "rocks"])
def reopen(request, tmp_path):
    """Opens the same rows again and again, as restarts do."""
    rows = {}
    opened = []

    def again():
        while opened:
            opened.pop().close()
        opened.append(MemoryKeyValue(rows) if request.param == "memory" else RocksKeyValue(tmp_path / "3"))
        return opened[-1]

    yield again
    opened[-1].close()
