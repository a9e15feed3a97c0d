"""Snapshots in memory and on a file system; what a place for them may be called, and what is said of a wrong one."""

import pytest
from obstore.store import LocalStore, MemoryStore

from services.attribution.snapshots.archive import open_snapshots
from tests.kit.attribution_snapshots import *  # noqa: F403 - what holds on every object store
from tests.kit.attribution_snapshots import Place, noise


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "far away", mkdir=True)


def test_snapshots_on_a_file_system_survive_the_process(tmp_path):
    url = (tmp_path / "far away").as_uri()
    place = Place(tmp_path, MemoryStore())
    place.snapshots = open_snapshots(url)
    place.upload(10, noise(1))
    again = Place(tmp_path, LocalStore(tmp_path / "far away"))
    assert again.opened_at() == 10
