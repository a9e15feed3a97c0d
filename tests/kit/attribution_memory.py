"""A store's rows in memory; tests/unit/attribution/state/test_keyvalue.py holds it to what RocksDB does."""

from collections.abc import Iterator, Mapping, Sequence


class MemoryKeyValue:
    """Rows in a dict: lives as long as the dict that it is given, as a file would."""

    def __init__(self, rows: dict[bytes, bytes] | None = None) -> None:
        self.rows = {} if rows is None else rows

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of these keys, None where there is none."""
        return [self.rows.get(key) for key in keys]

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """All keys that start with a prefix, ascending, with their values; from the key `start` on."""
        return iter([(key, self.rows[key]) for key in sorted(self.rows) if key.startswith(prefix) and key >= start])

    def write(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Put these rows, and delete those whose value is None."""
        for key, value in rows.items():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value

    def size_bytes(self) -> int:
        """Bytes of keys and values."""
        return sum(len(key) + len(value) for key, value in self.rows.items())

    def close(self) -> None:
        """Nothing to let go of."""
