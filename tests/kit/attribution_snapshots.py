"""Snapshots: what is uploaded, kept, refused and restored, over real RocksDB files. It holds on every object store:
tests that import all of this say on which, by a fixture `store`.
"""

import random
import shutil
from datetime import timedelta

import msgspec
import obstore
import pytest

from services.attribution.domain.horizons import Horizons, Watermarks
from services.attribution.snapshots.archive import KEPT, Snapshots
from services.attribution.snapshots.keeper import Keeper
from services.attribution.snapshots.manifest import UnusableSnapshot, parse_name
from services.attribution.state import keys
from services.attribution.state.metadata import Meta, StoreTerms, encode_meta
from services.attribution.state.rocksdb import RocksKeyValue
from services.kernel.errors import StartRefused
from services.runtime import metrics
from tests.kit.attribution_words import RULES, read_to

TERMS = StoreTerms.now(3, {"clicks": "id-1", "orders": "id-2"}, Horizons(), RULES)
LARGE = bytes(range(256)) * 400
STARTS = {"clicks": 0, "orders": 0}


def meta(position, terms=TERMS, log=0):
    return Meta(terms, {"clicks": position, "orders": 0}, Watermarks(), log)


class Place:
    """A worker's disk and an object store."""

    def __init__(self, tmp_path, store):
        self.tmp_path = tmp_path
        self.store = store
        self.snapshots = Snapshots(self.store, untouched=timedelta(0))

    def keeper(self, terms=TERMS, disk="disk"):
        return Keeper(self.tmp_path / disk, self.snapshots, lambda _: terms, RULES)

    def write(self, position, rows=None, terms=TERMS, log=0, disk="disk"):
        """A store on disk as of a position."""
        database = RocksKeyValue(self.tmp_path / disk / "3")
        database.write({**(rows or {}), keys.META_KEY: encode_meta(meta(position, terms, log))})
        database.close()

    def upload(self, position, rows=None, **other):
        """A snapshot as of a position, by another worker."""
        self.write(position, rows, disk="other", **other)
        database = RocksKeyValue(self.tmp_path / "other/3")
        database.freeze(self.tmp_path / "frozen")
        database.close()
        saved = self.snapshots.save(3, meta(position, **other), self.tmp_path / "frozen")
        shutil.rmtree(self.tmp_path / "frozen")
        return saved

    def objects(self, folder):
        return {entry["path"] for batch in obstore.list(self.store, prefix=f"3/{folder}/") for entry in batch}

    def opened_at(self, keeper=None, starts=STARTS):
        store = (keeper or self.keeper()).open(3, starts)
        store.close()
        return store.next_offsets.get("clicks", 0)


@pytest.fixture
def place(tmp_path, store):
    return Place(tmp_path, store)


def noise(seed):
    """Rows too large to stand in a manifest."""
    chance = random.Random(seed)
    return {b"x/%d-%d" % (seed, i): chance.randbytes(200) for i in range(400)}


def test_an_empty_disk_gets_the_furthest_snapshot_whole(place):
    place.upload(10, noise(1))
    place.upload(20, noise(2))
    assert place.opened_at() == 20
    database = RocksKeyValue(place.tmp_path / "disk/3")
    assert dict(database.scan(b"x/")) == noise(1) | noise(2)
    database.close()


def test_the_further_of_disk_and_snapshot_is_used(place):
    place.upload(20)
    place.write(30)
    assert place.opened_at() == 30
    place.upload(40)
    assert place.opened_at() == 40


def test_files_that_are_there_already_are_not_sent_again(place):
    first = place.upload(10, noise(1))
    assert first.sent_bytes > 10_000
    second = place.upload(20)
    assert second.sent_bytes == 0
    assert second.size_bytes >= first.sent_bytes
    third = place.upload(30, noise(2))
    assert 0 < third.sent_bytes < third.size_bytes


def test_only_the_last_few_snapshots_stay_and_their_files(place):
    for position in range(1, KEPT + 3):
        place.upload(position, noise(position))
    names = place.snapshots.names(3)
    assert [name.position for name in names] == [5, 4, 3]
    needed = set().union(*(place.snapshots.read(3, name).objects() for name in names))
    assert {path.rpartition("/")[2] for path in place.objects("files")} == needed
    obstore.put(place.store, "3/files/left-over", b"x")
    place.snapshots.save(3, meta(9), _folder(place.tmp_path / "frozen"))
    assert "3/files/left-over" not in place.objects("files")


def test_a_young_file_without_a_manifest_stays(place):
    place.snapshots = Snapshots(place.store)
    obstore.put(place.store, "3/files/in-the-making", b"x")
    place.upload(1, noise(1))
    assert "3/files/in-the-making" in place.objects("files")


def _folder(path):
    path.mkdir()
    (path / "CURRENT").write_bytes(b"small")
    (path / "1.sst").write_bytes(LARGE)
    return path


def test_a_file_of_several_parts_comes_back_as_it_was(place, tmp_path):
    folder = _folder(tmp_path / "frozen")
    large = random.Random(1).randbytes(11 * 1024 * 1024)
    (folder / "2.sst").write_bytes(large)
    saved = place.snapshots.save(3, meta(10), folder)
    (tmp_path / "fetched").mkdir()
    place.snapshots.fetch(3, place.snapshots.read(3, saved.name), tmp_path / "fetched")
    assert (tmp_path / "fetched/2.sst").read_bytes() == large
    assert (tmp_path / "fetched/CURRENT").read_bytes() == b"small"


def test_a_partition_sees_nothing_of_one_whose_number_begins_like_its_own(place, tmp_path):
    place.snapshots.save(33, meta(10), _folder(tmp_path / "frozen"))
    assert place.snapshots.names(3) == {}
    assert len(place.snapshots.names(33)) == 1


def test_a_zombies_late_snapshot_is_an_old_one(place):
    for position in (10, 20, 30):
        place.upload(position)
    zombie = place.upload(5)
    assert zombie.name not in place.snapshots.names(3)
    assert place.opened_at() == 30


def test_an_upload_that_broke_off_is_never_used_and_its_files_are_used_by_the_next(place, tmp_path):
    folder = _folder(tmp_path / "frozen")
    put, calls = obstore.put, []

    def dies(*args, **options):
        calls.append(args[1])
        if "manifests" in args[1]:
            raise OSError("killed")
        return put(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(obstore, "put", dies)
        with pytest.raises(OSError, match="killed"):
            place.snapshots.save(3, meta(10), folder)
    assert len(place.objects("files")) == 1
    assert place.opened_at() == 0
    assert place.snapshots.save(3, meta(10), folder).sent_bytes == 0


def test_a_file_that_was_deleted_while_the_manifest_was_written_is_sent_again(place, tmp_path):
    folder = _folder(tmp_path / "frozen")
    put = obstore.put

    def sweeps(store, path, content, **options):
        put(store, path, content, **options)
        if "manifests" in path:
            obstore.delete(store, sorted(place.objects("files")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(obstore, "put", sweeps)
        place.snapshots.save(3, meta(10), folder)
    assert len(place.objects("files")) == 1


@pytest.mark.parametrize("damage", ["manifest", "file", "file gone"])
def test_a_damaged_snapshot_is_passed_over_for_the_one_before(place, damage):
    place.upload(10)
    saved = place.upload(20, noise(1))
    if damage == "manifest":
        obstore.put(place.store, f"3/manifests/{saved.name}", b'{"meta": {}}')
    else:
        [path] = place.objects("files")
        obstore.put(place.store, path, LARGE) if damage == "file" else obstore.delete(place.store, path)
    keeper = place.keeper()
    assert place.opened_at(keeper) == 10
    assert "passed over" in keeper.why_lost(3)


def test_a_manifest_cannot_write_outside_its_folder(place, tmp_path):
    folder = _folder(tmp_path / "frozen")
    saved = place.snapshots.save(3, meta(10), folder)
    manifest = place.snapshots.read(3, saved.name)
    evil = msgspec.structs.replace(manifest, files={"../x": manifest.files["CURRENT"]})
    with pytest.raises(UnusableSnapshot, match="outside"):
        place.snapshots.fetch(3, evil, tmp_path)
    assert not (tmp_path.parent / "x").exists()


def test_a_snapshot_of_another_version_is_passed_over_with_a_sentence(place):
    place.upload(10, terms=msgspec.structs.replace(TERMS, format_version=keys.FORMAT_VERSION + 1))
    keeper = place.keeper()
    assert place.opened_at(keeper) == 0
    assert f"has format {keys.FORMAT_VERSION + 1}" in keeper.why_lost(3)


def test_a_store_of_another_version_is_refused_even_where_a_snapshot_could_be_used(place):
    place.upload(20)
    place.write(10, terms=msgspec.structs.replace(TERMS, format_version=keys.FORMAT_VERSION + 1))
    with pytest.raises(StartRefused, match=f"has format {keys.FORMAT_VERSION + 1}"):
        place.opened_at()


def test_a_manifest_that_was_changed_is_not_believed(place):
    place.upload(10)
    saved = place.upload(20)
    path = f"3/manifests/{saved.name}"
    changed = bytes(obstore.get(place.store, path).bytes()).replace(b'"clicks":20', b'"clicks":99')
    obstore.put(place.store, path, changed)
    assert place.opened_at() == 10


def test_a_snapshot_that_the_log_no_longer_reaches_is_passed_over(place):
    place.upload(10)
    keeper = place.keeper()
    assert place.opened_at(keeper, {"clicks": 11, "orders": 0}) == 0
    assert "clicks 10, but the log starts at 11" in keeper.why_lost(3)


def test_a_store_that_the_log_no_longer_reaches_gives_way_to_any_snapshot_that_it_does(place):
    place.write(10)
    database = RocksKeyValue(place.tmp_path / "disk/3")
    database.write({keys.META_KEY: encode_meta(Meta(TERMS, {"clicks": 10, "orders": 500}, Watermarks()))})
    database.close()
    place.upload(20)
    assert place.opened_at(starts={"clicks": 15, "orders": 0}) == 20


def test_topics_made_again_are_refused_without_a_rebase_and_read_after_it(place):
    now = msgspec.structs.replace(TERMS, topic_ids={"clicks": "new", "orders": "new"})
    place.upload(500)
    with pytest.raises(StartRefused, match="koc attribution rebase"):
        place.opened_at(place.keeper(now))
    place.write(500)
    with pytest.raises(StartRefused, match="koc attribution rebase"):
        place.opened_at(place.keeper(now))
    place.upload(0, terms=now, log=1)
    assert place.opened_at(place.keeper(now)) == 0
    assert {name.log for name in place.snapshots.names(3)} == {1}
    shutil.rmtree(place.tmp_path / "disk")
    [name] = place.snapshots.names(3)
    obstore.put(place.store, f"3/manifests/{name}", b"damaged")
    with pytest.raises(StartRefused, match="do not hold the history"):
        place.opened_at(place.keeper(now))


def test_a_half_download_left_by_a_crash_is_no_store(place):
    place.upload(10, noise(1))
    half = place.tmp_path / "disk/fetched-3"
    half.mkdir(parents=True)
    (half / "CURRENT").write_bytes(b"half")
    assert place.opened_at() == 10
    assert not half.exists()


def test_a_store_goes_into_a_snapshot_while_it_is_open_and_only_if_it_changed(place):
    place.write(10, noise(1))
    keeper = place.keeper()
    store = keeper.open(3, STARTS)
    frozen = keeper.freeze(3)
    keeper.upload(frozen)
    assert not frozen.folder.exists()
    assert [name.position for name in place.snapshots.names(3)] == [10]
    assert keeper.freeze(3) is None
    read_to(store, "clicks", 11)
    store.write(store.take())
    keeper.upload(keeper.freeze(3))
    assert [name.position for name in place.snapshots.names(3)] == [11, 10]
    store.close()


def test_a_store_keeps_working_while_the_object_store_is_away(place, monkeypatch):
    place.write(10, noise(1))

    def away(*_, **__):
        raise ConnectionError("the object store is away")

    monkeypatch.setattr(obstore, "list", away)
    keeper = place.keeper()
    store = keeper.open(3, STARTS)
    failed = metrics.attribution().snapshots.labels("failed")
    before = failed._value.get()
    keeper.upload(keeper.freeze(3))
    assert failed._value.get() == before + 1
    store.close()
    shutil.rmtree(place.tmp_path / "disk")
    with pytest.raises(StartRefused, match="the object store is away"):
        place.opened_at()


def test_only_manifests_have_the_name_of_one(place):
    saved = place.upload(10)
    assert parse_name(str(saved.name)) == saved.name
    for text in ("", "x.json", "1-2-3-4.json", f"{saved.name}#1"):
        assert parse_name(text) is None
