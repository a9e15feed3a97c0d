"""The keeper of stores: it opens them from disk or snapshot, and freezes and uploads them while they are in use."""

import itertools
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import structlog

from services.attribution.domain.policy import Rules
from services.attribution.snapshots import metrics
from services.attribution.snapshots.archive import Snapshots
from services.attribution.snapshots.choose import StoreRequirements, candidates, fetch, put_in_place
from services.attribution.snapshots.manifest import Manifest, SnapshotName, UnusableSnapshot
from services.attribution.state import keys
from services.attribution.state.metadata import Meta, StoreTerms, decode_meta
from services.attribution.state.rocksdb import RocksKeyValue
from services.attribution.state.store import Store
from services.kernel.errors import StartRefused

log = structlog.get_logger(__name__)

DISK, SNAPSHOT, NOTHING = "disk", "snapshot", "nothing"
"""The origins of an opened store."""
NOWHERE = (0, 0)
"""The reach of a store that has read nothing yet."""


class FrozenStore(NamedTuple):
    """A copy of a store as of one moment, to be uploaded later."""

    partition: int
    folder: Path
    meta: Meta


class Keeper:
    """The keeper of the stores in a worker's folder. Calls block; they may run in threads, one per partition at a time.

    Args:
        terms: the terms of this process for a partition number.
    """

    def __init__(self, folder: Path, snapshots: Snapshots, terms: Callable[[int], StoreTerms], rules: Rules) -> None:
        self._folder, self._snapshots, self._terms, self._rules = folder, snapshots, terms, rules
        self._databases: dict[int, RocksKeyValue] = {}
        self._newest_uploads: dict[int, Meta] = {}
        self._passed_over_because: dict[int, str] = {}
        self._numbers = itertools.count()
        shutil.rmtree(self._frozen_folder, ignore_errors=True)

    @property
    def _frozen_folder(self) -> Path:
        return self._folder / "frozen"

    def open(self, partition: int, starts: Mapping[str, int]) -> Store:
        """Open a partition's store: as it is on disk, or from a snapshot that is further ahead.

        Args:
            starts: by topic, the first offset of the log.

        Raises:
            StartRefused: the store is not for this process; or there is no store, and the snapshots cannot be read.
        """
        folder, fetched = self._folder / str(partition), self._folder / f"fetched-{partition}"
        wanted = StoreRequirements(self._terms(partition), starts)
        database = RocksKeyValue(folder) if folder.exists() else None
        here = None if database is None else stored_meta(database)
        manifest = self._fetch_furthest(partition, here, wanted, fetched)
        if manifest is not None:
            if database is not None:
                database.close()
            put_in_place(fetched, folder)
            database = None
            self._newest_uploads[partition] = manifest.meta
        metrics.count_opened(NOTHING if (manifest or here) is None else DISK if manifest is None else SNAPSHOT)
        return self._open(partition, database or RocksKeyValue(folder), wanted.terms)

    def _open(self, partition: int, database: RocksKeyValue, terms: StoreTerms) -> Store:
        try:
            store = Store(database, terms, self._rules)
        except StartRefused:
            database.close()
            raise
        self._databases[partition] = database
        return store

    def why_lost(self, partition: int) -> str:
        """Why the snapshots of a partition without history were not used; empty if there were none."""
        sentence = self._passed_over_because.get(partition)
        return f"; {sentence}" if sentence else ""

    def freeze(self, partition: int) -> FrozenStore | None:
        """Copy an open store as of its last checkpoint. None if a snapshot holds it already, or if it is empty."""
        database = self._databases[partition]
        meta = stored_meta(database)
        if meta is None or meta.reach() == NOWHERE or meta == self._newest_uploads.get(partition):
            metrics.show_unchanged(partition)
            return None
        folder = self._frozen_folder / f"{partition}-{next(self._numbers)}"
        database.freeze(folder)
        return FrozenStore(partition, folder, meta)

    def upload(self, frozen: FrozenStore) -> None:
        """Make a snapshot of a frozen store. A failure does not stop the worker, because the logs still hold all."""
        try:
            saved = self._snapshots.save(frozen.partition, frozen.meta, frozen.folder)
        except OSError as problem:
            log.warning("snapshot failed", partition=frozen.partition, problem=str(problem))
            metrics.count_failed()
        else:
            self._newest_uploads[frozen.partition] = frozen.meta
            metrics.show_taken(frozen.partition, saved.size_bytes, saved.sent_bytes)
            log.info("snapshot", partition=frozen.partition, name=str(saved.name), sent_bytes=saved.sent_bytes)
        finally:
            shutil.rmtree(frozen.folder, ignore_errors=True)

    def _fetch_furthest(
        self, partition: int, here: Meta | None, wanted: StoreRequirements, folder: Path
    ) -> Manifest | None:
        """Fetch the furthest usable snapshot, if it is further than the local store.

        Raises:
            StartRefused: there is no local store, and the snapshots cannot be read, or hold more than the topics.
        """
        try:
            names = self._snapshots.names(partition)
            metrics.show_newest(partition, max((at.timestamp() for at in names.values()), default=0))
            for name in candidates(names, wanted, wanted.least_reach(here)):
                if (manifest := self._try(partition, name, wanted, folder)) is not None:
                    return manifest
        except OSError as problem:
            if here is None:
                raise StartRefused(f"the snapshots of partition {partition} cannot be read: {problem}") from problem
            log.warning("snapshots not looked at", partition=partition, problem=str(problem))
            return None
        if here is None and any(name.log or name.topics != wanted.topics for name in names):
            raise StartRefused(
                f"the topics alone do not hold the history of partition {partition}{self.why_lost(partition)}"
            )
        return None

    def _try(self, partition: int, name: SnapshotName, wanted: StoreRequirements, folder: Path) -> Manifest | None:
        """Fetch a snapshot; None if it cannot be used."""
        began = time.perf_counter()
        try:
            manifest = self._snapshots.read(partition, name)
            wanted.check(manifest.meta)
            fetch(self._snapshots, partition, manifest, folder)
        except (UnusableSnapshot, StartRefused) as problem:
            self._passed_over_because[partition] = f"snapshot {name} was passed over: {problem}"
            log.warning("snapshot passed over", partition=partition, name=str(name), problem=str(problem))
            return None
        seconds, offsets = round(time.perf_counter() - began, 3), manifest.meta.next_offsets
        log.info("restored from snapshot", partition=partition, name=str(name), next=offsets, seconds=seconds)
        return manifest


def stored_meta(database: RocksKeyValue) -> Meta | None:
    """The metadata in a database; None before the first write."""
    [row] = database.get_many([keys.META_KEY])
    return None if row is None else decode_meta(row)
