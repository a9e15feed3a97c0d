"""Counting different buyers of many rows exactly, in bounded memory: SQLite keeps them in a temporary file."""

import sqlite3
from contextlib import closing
from types import TracebackType
from typing import Self

_BATCH = 10_000


class DistinctBuyers:
    """How many different buyers each row has; rows are numbers. To be used in a with block."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("")  # a private file that ends with the connection
        self._store.execute("PRAGMA journal_mode = OFF")
        self._store.execute("CREATE TABLE seen (row INTEGER, buyer TEXT, PRIMARY KEY (row, buyer)) WITHOUT ROWID")
        self._batch: list[tuple[int, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._store.close()

    def add(self, row: int, buyer_id: str) -> None:
        """A buyer of a row, perhaps again."""
        self._batch.append((row, buyer_id))
        if len(self._batch) >= _BATCH:
            self._write()

    def counts(self) -> dict[int, int]:
        """Row -> different buyers."""
        self._write()
        with closing(self._store.execute("SELECT row, count(*) FROM seen GROUP BY row")) as rows:
            return dict(rows.fetchall())

    def _write(self) -> None:
        self._batch.sort()
        self._store.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", self._batch)
        self._batch.clear()
