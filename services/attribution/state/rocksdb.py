"""One RocksDB per partition number; all of them share one block cache."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rocksdict import BlockBasedOptions, Cache, Checkpoint, DBCompressionType, Options, Rdict, WriteBatch

_BLOCK_CACHE_BYTES = 64 * 1024 * 1024
_WRITE_BUFFER_BYTES = 8 * 1024 * 1024
_WAL_BYTES = 64 * 1024 * 1024
_OPEN_FILES = 64


@cache
def _block_cache() -> Any:
    """The process's one block cache."""
    return Cache(_BLOCK_CACHE_BYTES)


def _options() -> Any:
    tables = BlockBasedOptions()
    tables.set_block_cache(_block_cache())
    tables.set_bloom_filter(10, block_based=False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003 - its setter
    options.set_block_based_table_factory(tables)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    options.set_max_total_wal_size(_WAL_BYTES)
    options.set_max_open_files(_OPEN_FILES)
    options.set_keep_log_file_num(2)
    return options


class RocksKeyValue:
    """A KeyValue in a folder. The lock file in it keeps a second process out."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db: Any = Rdict(
            str(path), _options()
        )  # in raw mode keys and values are bytes, which its types do not say

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of these keys; None for a missing key."""
        found: list[bytes | None] = self._db.get(list(keys))
        return found

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """All keys that start with a prefix, ascending, with their values; from the key `start` on."""
        for key, value in self._db.items(from_key=max(prefix, start)):
            if not key.startswith(prefix):
                return
            yield key, value

    def write(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Put these rows, and delete those whose value is None: one write batch, one record of the write-ahead log."""
        batch = WriteBatch(raw_mode=True)
        for key, value in rows.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self._db.write(batch)

    def freeze(self, folder: Path) -> None:
        """Make a consistent copy in a new folder; both share their files.

        The flush comes first, so that the copy takes only the 3 ms in which nothing else of this process runs.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._db.flush(wait=True)
        Checkpoint(self._db).create_checkpoint(str(folder))

    def size_bytes(self) -> int:
        """The size of table files, and of the rows that are still in memory and in the write-ahead log."""
        names = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return sum(int(self._db.property_int_value(name) or 0) for name in names)

    def close(self) -> None:
        """Close the database and release its lock."""
        self._db.close()
