"""The one thing that state needs of a database: ordered keys, and writes that happen whole or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol


class KeyValue(Protocol):
    """An ordered map of bytes to bytes that survives the process."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of these keys, None where there is none."""

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """All keys that start with a prefix, ascending, with their values; from the key `start` on."""

    def write(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Put these rows, and delete those whose value is None: all of them or none."""

    def size_bytes(self) -> int:
        """What it takes on disk, about."""

    def close(self) -> None:
        """Let go of it; nothing more is read or written."""
