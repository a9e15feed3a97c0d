"""A workshop for stores: a command makes them again while all workers are stopped, and leaves them as snapshots."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

from services.attribution.snapshots.choose import fetch
from services.attribution.snapshots.keeper import stored_meta
from services.attribution.snapshots.manifest import SnapshotName, UnusableSnapshot, hash_of_topics
from services.attribution.state import keys
from services.attribution.state.metadata import Meta, encode_meta
from services.attribution.state.rocksdb import RocksKeyValue
from services.attribution.worker.startup import GROUP, World
from services.kernel.errors import StartRefused
from services.runtime.groups import emptied

_ROWS_AT_ONCE = 2_000
StoredRows = Iterator[tuple[bytes, bytes]]


class LastState(NamedTuple):
    """The furthest state of a partition, open; `meta` is None if there is no state."""

    database: RocksKeyValue | None
    meta: Meta | None


def check_stopped() -> None:
    """Refuse to make stores again while workers use the old ones.

    Raises:
        StartRefused: the group has members.
    """
    if members := emptied(GROUP):
        raise StartRefused(
            f"attribution workers are at work in {GROUP}: {', '.join(sorted(members))}; stop them first, all of them"
        )


class Workshop:
    """Makes stores again, in a folder of its own.

    Args:
        folder: the state folder of a worker; its stores are read and never changed.
    """

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self._folder = world, folder
        self._work = folder / "remaking"

    def last(self, partition: int) -> LastState:
        """The furthest state of a partition, on disk or in a snapshot, of any topics.

        Raises:
            StartRefused: there are snapshots, but none that can be read.
        """
        names = self.world.snapshots.names(partition)
        here = self.on_disk(partition)
        if not names or (here.meta is not None and _is_further(here.meta, names)):
            return here
        if here.database is not None:
            here.database.close()
        return self.newest_snapshot(partition)

    def on_disk(self, partition: int) -> LastState:
        """The state of a partition on disk."""
        disk = self._folder / str(partition)
        database = RocksKeyValue(disk) if disk.exists() else None
        return LastState(database, None if database is None else stored_meta(database))

    def newest_snapshot(self, partition: int) -> LastState:
        """The furthest state of a partition in a snapshot.

        Raises:
            StartRefused: there are snapshots, but none that can be read.
        """
        names = self.world.snapshots.names(partition)
        return self._fetch_readable(partition, _newest_generation(names)) if names else LastState(None, None)

    def generations(self, partition: int) -> set[tuple[str, int]]:
        """The generations of all states of a partition: (topics as in a snapshot's name, `log`)."""
        found = {(name.topics, name.log) for name in self.world.snapshots.names(partition)}
        disk = self._folder / str(partition)
        if disk.exists():
            database = RocksKeyValue(disk)
            meta = stored_meta(database)
            database.close()
            found |= set() if meta is None else {(hash_of_topics(meta.terms.topic_ids), meta.log)}
        return found

    def _fetch_readable(self, partition: int, names: list[SnapshotName]) -> LastState:
        problems, folder = [], self._work / f"old-{partition}"
        for name in names:
            try:
                manifest = self.world.snapshots.read(partition, name)
                fetch(self.world.snapshots, partition, manifest, folder)
            except UnusableSnapshot as problem:
                problems.append(str(problem))
            else:
                return LastState(RocksKeyValue(folder), manifest.meta)
        raise StartRefused(f"no snapshot of partition {partition} can be read: {'; '.join(problems)}")

    def make(self, meta: Meta, rows: StoredRows) -> RocksKeyValue:
        """A new database of these rows."""
        folder = self._work / f"new-{meta.terms.partition}"
        shutil.rmtree(folder, ignore_errors=True)
        database = RocksKeyValue(folder)
        while batch := dict(islice(rows, _ROWS_AT_ONCE)):
            database.write(dict(batch))
        database.write({keys.META_KEY: encode_meta(meta)})
        return database

    def hand_out(self, meta: Meta, database: RocksKeyValue) -> None:
        """Make a database the only snapshot, so that workers start from it even if former ones were further."""
        frozen = self._work / f"frozen-{meta.terms.partition}"
        shutil.rmtree(frozen, ignore_errors=True)
        database.freeze(frozen)
        database.close()
        self.world.snapshots.save(meta.terms.partition, meta, frozen, instead=True)

    def __enter__(self) -> Self:
        shutil.rmtree(self._work, ignore_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._work, ignore_errors=True)


def _newest_generation(names: Mapping[SnapshotName, datetime]) -> list[SnapshotName]:
    """The snapshots of the generation that was used last, the furthest first."""
    last = max(names, key=lambda name: (name.log, names[name]))
    return [name for name in names if (name.log, name.topics) == (last.log, last.topics)]


def _is_further(here: Meta, names: Mapping[SnapshotName, datetime]) -> bool:
    """Whether the local store is further than all snapshots."""
    best = _newest_generation(names)[0]
    return hash_of_topics(here.terms.topic_ids) == best.topics and here.reach() > best.reach
