"""A snapshot's manifest: which state it is and what files it is made of. It is written last, so that what it names is
there; its name holds the hash of its bytes, so that half a manifest is none.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from services.attribution.state.metadata import Meta

INLINE_BYTES = 16 * 1024
"""Smaller files stand in the manifest itself: RocksDB's own few, which differ from snapshot to snapshot."""

_DIGITS = 20
_HASH_DIGITS = 32
_TOPICS_DIGITS = 8


class UnusableSnapshot(Exception):  # noqa: N818 - a property of a snapshot
    """This snapshot cannot be used; the sentence says why."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file of a database.

    Attributes:
        sha256: of its bytes, and its name in the object store.
        inline: its bytes, if they stand here.
    """

    sha256: str
    size_bytes: int
    inline: bytes | None = None


class Manifest(msgspec.Struct, frozen=True):
    """A snapshot: the state that it holds and, by name, the files of its database."""

    meta: Meta
    files: dict[str, StoredFile]

    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files.values())

    def objects(self) -> set[str]:
        """The objects that it needs."""
        return {file.sha256 for file in self.files.values() if file.inline is None}


class SnapshotName(NamedTuple):
    """A manifest's name. It sorts by how far the state is, not by a clock: a zombie's late snapshot is an old one.

    Attributes:
        topics: hash of the topic ids; positions in other topics mean nothing to each other.
    """

    log: int
    position: int
    topics: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.log:0{_DIGITS}d}-{self.position:0{_DIGITS}d}-{self.topics}-{self.sha256}.json"

    @property
    def reach(self) -> tuple[int, int]:
        """As Meta.reach()."""
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
        Unusable: they are not what the name says, or of another version.
    """
    if _hash(content) != name.sha256:
        raise UnusableSnapshot(f"snapshot {name} is damaged: its bytes are not those that were written")
    try:
        return _decode(content)
    except msgspec.MsgspecError as problem:
        raise UnusableSnapshot(f"snapshot {name} cannot be read by this version: {problem}") from problem


def parse_name(text: str) -> SnapshotName | None:
    """The name of a manifest; None for anything else that lies there."""
    parts = text.removesuffix(".json").split("-")
    if len(parts) != len(SnapshotName._fields) or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    name = SnapshotName(int(parts[0]), int(parts[1]), parts[2], parts[3])
    return name if str(name) == text else None


def hash_of_topics(topic_ids: Mapping[str, str]) -> str:
    """What a name says of the topics."""
    return _hash(repr(sorted(topic_ids.items())).encode())[:_TOPICS_DIGITS]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
