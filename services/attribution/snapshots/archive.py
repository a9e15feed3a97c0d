"""Snapshots in an object store: files named by their content, and manifests that make snapshots of them.

    PARTITION/files/SHA256          a file of a database: written once, never changed
    PARTITION/manifests/NAME.json   a snapshot, complete as soon as it exists

Several workers may write at once, even a zombie: their objects have different names or the same content. A file that a
kept manifest names, or that is younger than an hour, is never deleted. A deletion may still hit a file that a manifest
of the same second names; then this snapshot is unusable and the one before it is used.
"""

import hashlib
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import obstore
from obstore import Bytes
from obstore.store import ObjectStore

from services.attribution.snapshots.manifest import (
    INLINE_BYTES,
    Manifest,
    SnapshotName,
    StoredFile,
    UnusableSnapshot,
    decode,
    encode,
    parse_name,
)
from services.attribution.snapshots.object_store import PATIENT_SECONDS, QUICK_SECONDS, in_words, open_store
from services.attribution.state.metadata import Meta

KEPT = 3
"""Snapshots of a partition that are kept; older ones are deleted."""

UNTOUCHED = timedelta(hours=1)
"""A younger file without a manifest may belong to a snapshot that is being written."""

_PARTS_AT_ONCE = 4
"""Parts of a file, 5 MB each, in flight. More would not speed a slow line up, and each would wait longer."""


def open_snapshots(url: str) -> "Snapshots":
    """The snapshots at a URL.

    Raises:
        StartRefused: the URL names no object store.
    """
    return Snapshots(open_store(url, PATIENT_SECONDS), quick=open_store(url, QUICK_SECONDS))


class SavedSnapshot(NamedTuple):
    """A snapshot that was just written.

    Attributes:
        size_bytes: of all its files.
        sent_bytes: of the files that had to be uploaded.
    """

    name: SnapshotName
    size_bytes: int
    sent_bytes: int


class Snapshots:
    """The snapshots of all partitions of one cluster. The calls block: use threads.

    Each call raises ConnectionError with a sentence if the object store fails.

    Args:
        quick: the same store with short timeouts, for requests that nobody should wait for.
        untouched: how long a file without a manifest is left alone.
    """

    def __init__(
        self,
        store: ObjectStore,
        untouched: timedelta = UNTOUCHED,
        quick: ObjectStore | None = None,
    ) -> None:
        self._store, self._quick, self._untouched = store, quick or store, untouched
        self._known_hashes: dict[tuple[int, int, int], str] = {}

    @in_words()
    def names(self, partition: int) -> dict[SnapshotName, datetime]:
        """The snapshots of a partition with their times of writing, the furthest one first."""
        found = ((parse_name(path), at) for path, at in self._list(f"{partition}/manifests/"))
        return dict(sorted(((name, at) for name, at in found if name is not None), reverse=True))

    @in_words()
    def read(self, partition: int, name: SnapshotName) -> Manifest:
        """A snapshot's manifest.

        Raises:
            UnusableSnapshot: the manifest is missing, damaged, or of another version.
        """
        try:
            content = bytes(obstore.get(self._quick, f"{partition}/manifests/{name}").bytes())
        except FileNotFoundError as problem:
            raise UnusableSnapshot(f"snapshot {name} is missing") from problem
        return decode(name, content)

    @in_words()
    def save(self, partition: int, meta: Meta, folder: Path, *, instead: bool = False) -> SavedSnapshot:
        """Upload the missing files of a database, then the manifest; then delete old snapshots.

        Args:
            instead: delete all other snapshots of the partition, however far they are.
        """
        files = {path.name: self._describe(path) for path in sorted(folder.iterdir())}
        manifest = Manifest(meta, files)
        existing = {path for path, _ in self._list(f"{partition}/files/")}
        sent = self._upload(partition, folder, files, existing)
        name, content = encode(manifest)
        obstore.put(self._store, f"{partition}/manifests/{name}", content)
        existing = {path for path, _ in self._list(f"{partition}/files/")}
        sent += self._upload(partition, folder, files, existing)
        if instead:
            self._delete(f"{partition}/manifests/{other}" for other in self.names(partition) if other != name)
        self._sweep(partition, name)
        return SavedSnapshot(name, manifest.size_bytes(), sent)

    @in_words()
    def fetch(self, partition: int, manifest: Manifest, folder: Path) -> None:
        """Write the files of a snapshot into a folder.

        Raises:
            UnusableSnapshot: a file is missing or damaged.
        """
        for name, file in manifest.files.items():
            if Path(name).name != name:
                raise UnusableSnapshot(f"snapshot of partition {partition} names a file outside its folder: {name}")
            if file.inline is not None:
                _write(folder / name, [file.inline])
            else:
                self._download(f"{partition}/files/{file.sha256}", file, folder / name)

    def _describe(self, path: Path) -> StoredFile:
        """A file with its hash; the hash of a table file is computed once, because table files never change."""
        size = path.stat().st_size
        if size <= INLINE_BYTES:
            content = path.read_bytes()
            return StoredFile(hashlib.sha256(content).hexdigest(), len(content), content)
        return StoredFile(self._hash_of(path), size)

    def _hash_of(self, path: Path) -> str:
        status = path.stat()
        key = (status.st_ino, status.st_size, status.st_mtime_ns)
        if key not in self._known_hashes:
            with path.open("rb") as file:
                self._known_hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._known_hashes[key]

    def _upload(self, partition: int, folder: Path, files: dict[str, StoredFile], existing: set[str]) -> int:
        """Upload the missing files. Returns their bytes."""
        missing = {n: f for n, f in files.items() if f.inline is None and f.sha256 not in existing}
        for name, file in missing.items():
            obstore.put(self._store, f"{partition}/files/{file.sha256}", folder / name, max_concurrency=_PARTS_AT_ONCE)
        return sum(file.size_bytes for file in missing.values())

    def _download(self, source: str, file: StoredFile, target: Path) -> None:
        try:
            sha256 = _write(target, obstore.get(self._store, source))
        except FileNotFoundError as problem:
            raise UnusableSnapshot(f"{source} of the snapshot is missing") from problem
        if sha256 != file.sha256:
            raise UnusableSnapshot(f"{source} of the snapshot is damaged: its bytes are not those that were written")

    def _sweep(self, partition: int, newest: SnapshotName) -> None:
        """Keep the furthest snapshots; delete the others, and then all files that no kept snapshot names."""
        written = self.names(partition)
        kept, old = _divide(list(written))
        self._delete(f"{partition}/manifests/{name}" for name in old)
        try:
            named = set().union(*(self.read(partition, name).objects() for name in kept))
        except UnusableSnapshot:
            return  # a damaged manifest may name any file; it is deleted once it is old
        if newest_at := written.get(newest):
            before = newest_at - self._untouched
            files = self._list(f"{partition}/files/")
            self._delete(f"{partition}/files/{path}" for path, at in files if path not in named and at <= before)

    def _list(self, folder: str) -> list[tuple[str, datetime]]:
        """The names in a folder with their times of writing, by the object store's clock."""
        return [
            (entry["path"].removeprefix(folder), entry["last_modified"])
            for batch in obstore.list(self._quick, prefix=folder)
            for entry in batch
        ]

    def _delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            try:
                obstore.delete(self._store, path)
            except FileNotFoundError:
                continue


def _write(target: Path, pieces: Iterable[bytes | Bytes]) -> str:
    """Write a file through to the disk. Returns the hash of its bytes."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for piece in pieces:
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _divide(names: list[SnapshotName]) -> tuple[list[SnapshotName], list[SnapshotName]]:
    """(kept, old): the furthest few of each set of topics are kept; a greater `log` supersedes all smaller ones."""
    kept: list[SnapshotName] = []
    for name in names:
        alike = sum(name.topics == other.topics for other in kept)
        if alike < KEPT and name.log == names[0].log:
            kept.append(name)
    return kept, [name for name in names if name not in kept]
