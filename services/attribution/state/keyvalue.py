"""The database interface that the state needs: ordered keys, and writes that happen whole or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol


class KeyValue(Protocol):
    """An ordered map of bytes to bytes that survives the process."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of these keys; None for a missing key."""

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """All keys that start with a prefix, ascending, with their values; from the key `start` on."""

    def write(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Put these rows, and delete those whose value is None: all of them or none."""

    def size_bytes(self) -> int:
        """The approximate size on disk."""

    def close(self) -> None:
        """Close the database; nothing more is read or written."""
