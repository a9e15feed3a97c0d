"""What `koc attribution adopt-truncated` leaves is what workers start from, however far the states before it were."""

import shutil

import pytest
from obstore.store import MemoryStore

from schemas.topics import CLICKS, ORDERS
from services.attribution.domain.horizons import Watermarks
from services.attribution.policy.file import read_policy_file
from services.attribution.repair import adopt_truncated
from services.attribution.repair.adopt_truncated import adopt, partitions_without_history
from services.attribution.repair.workshop import Workshop
from services.attribution.snapshots.archive import KEPT, Snapshots
from services.attribution.state import keys
from services.attribution.state.metadata import Meta, encode_meta
from services.attribution.state.rocksdb import RocksKeyValue
from services.attribution.worker.startup import World

STARTS = {CLICKS.name: 600, ORDERS.name: 0}
"""The clicks log was cut behind the states. The orders log is whole, so that it is read again from its start."""


@pytest.fixture
def world():
    return World(read_policy_file(), {CLICKS.name: "c", ORDERS.name: "o"}, Snapshots(MemoryStore()))


@pytest.fixture
def workshop(world, tmp_path, monkeypatch):
    """Of partition 3 there are snapshots and a disk, none of which can be read on; of others nothing was ever read."""
    log = {(topic, 3): start for topic, start in STARTS.items()}
    monkeypatch.setattr(adopt_truncated, "check_stopped", lambda: None)
    monkeypatch.setattr(adopt_truncated, "log_starts", lambda _: log)
    monkeypatch.setattr(adopt_truncated, "_kept_from", lambda topic, *_: 1 if topic == CLICKS.name else None)
    for clicks in range(500, 500 + KEPT):
        upload(world, tmp_path, clicks)
    return Workshop(world, tmp_path / "state")


def state(world, folder, clicks):
    meta = Meta(world.terms(3), {CLICKS.name: clicks, ORDERS.name: 9_000}, Watermarks())
    database = RocksKeyValue(folder)
    database.write({keys.META_KEY: encode_meta(meta)})
    return meta, database


def upload(world, tmp_path, clicks):
    meta, database = state(world, tmp_path / "other", clicks)
    database.freeze(tmp_path / "frozen")
    database.close()
    world.snapshots.save(3, meta, tmp_path / "frozen")
    shutil.rmtree(tmp_path / "frozen")


def test_an_adopted_partition_is_the_only_snapshot_though_older_ones_were_further(workshop, world, tmp_path):
    assert partitions_without_history(workshop) == {3: STARTS}
    adopted = adopt(workshop, 3, STARTS)
    [name] = world.snapshots.names(3)
    assert name.position == 600
    store = world.keeper(tmp_path / "worker").open(3, STARTS)
    assert store.next_offsets == STARTS
    assert store.shard.publish_from == adopted.publish_from
    store.close()


def test_a_partition_is_adopted_once_though_a_disk_holds_a_further_state(workshop, world, tmp_path):
    state(world, tmp_path / "state/3", 510)[1].close()
    adopt(workshop, 3, STARTS)
    assert partitions_without_history(workshop) == {}
