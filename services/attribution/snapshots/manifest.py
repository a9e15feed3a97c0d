"""A snapshot's manifest: its state's metadata and its files.

The manifest is written after its files, so that they all exist. Its name holds the hash of its bytes, so that a half
written manifest is none.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from services.attribution.state.metadata import Meta

INLINE_BYTES = 16 * 1024
"""The manifest itself holds smaller files: the few of RocksDB's own, which differ from snapshot to snapshot."""

_DIGITS = 20
_HASH_DIGITS = 32
_TOPICS_DIGITS = 8


class UnusableSnapshot(Exception):  # noqa: N818 - a property of a snapshot
    """This snapshot cannot be used; the sentence says why."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file of a database.

    Attributes:
        sha256: of its bytes, and its name in the object store.
        inline: its bytes, if the manifest holds them.
    """

    sha256: str
    size_bytes: int
    inline: bytes | None = None


class Manifest(msgspec.Struct, frozen=True):
    """A snapshot: the metadata of its state and, by name, the files of its database."""

    meta: Meta
    files: dict[str, StoredFile]

    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files.values())

    def objects(self) -> set[str]:
        """The names of the files in the object store that it needs."""
        return {file.sha256 for file in self.files.values() if file.inline is None}


class SnapshotName(NamedTuple):
    """A manifest's name. It sorts by the reach of the state, not by a clock: a zombie's late snapshot is an old one.

    Attributes:
        position: the sum of the next offsets.
        topics: hash of the topic ids; positions in different topics cannot be compared.
    """

    log: int
    position: int
    topics: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.log:0{_DIGITS}d}-{self.position:0{_DIGITS}d}-{self.topics}-{self.sha256}.json"

    @property
    def reach(self) -> tuple[int, int]:
        """The reach of the state, as Meta.reach()."""
        return self.log, self.position


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Manifest).decode


def encode(manifest: Manifest) -> tuple[SnapshotName, bytes]:
    """A manifest's name and bytes."""
    content = _encode(manifest)
    return SnapshotName(*manifest.meta.reach(), hash_of_topics(manifest.meta.terms.topic_ids), _hash(content)), content


def decode(name: SnapshotName, content: bytes) -> Manifest:
    """The manifest of these bytes.

    Raises:
        UnusableSnapshot: the bytes do not match the name, or are of another version.
    """
    if _hash(content) != name.sha256:
        raise UnusableSnapshot(f"snapshot {name} is damaged: its bytes are not those that were written")
    try:
        return _decode(content)
    except msgspec.MsgspecError as problem:
        raise UnusableSnapshot(f"snapshot {name} cannot be read by this version: {problem}") from problem


def parse_name(text: str) -> SnapshotName | None:
    """The manifest name in a text; None if the text is no such name."""
    parts = text.removesuffix(".json").split("-")
    if len(parts) != len(SnapshotName._fields) or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    name = SnapshotName(int(parts[0]), int(parts[1]), parts[2], parts[3])
    return name if str(name) == text else None


def hash_of_topics(topic_ids: Mapping[str, str]) -> str:
    """The hash of the topic ids in a manifest's name."""
    return _hash(repr(sorted(topic_ids.items())).encode())[:_TOPICS_DIGITS]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
