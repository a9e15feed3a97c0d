"""How fast the poster is, beside a loop that only writes the same rows.

`assertions_per_second` and `cpu_us_per_assertion` are of the real process over real Kafka and PostgreSQL, chain, kept
assertions and all, from its assignment until every assertion is durable. `raw_share` is the share of the raw loop's
rate that this is: rows of the same book, prepared in memory, written by COPY and upserts in transactions of the same
size, without Kafka, logic or hashing. `python -m tests.bench.poster` on a running stack without workers.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import psycopg

from services.runtime.database import psycopg_dsn
from services.settlement.books.posting_transaction import SESSION
from tests.bench.poster_load import load_credits, load_registry
from tests.kit.poster_process import Poster, all_is_posted
from tests.kit.waiting import until

ASSERTIONS = 120_000
BATCH = 5_000
_MICRO = 1_000_000
_SECONDS = 300.0

_TABLES = ("journal", "line", "assertion", "balance")
_UPSERTS = {
    "line": (
        "order_id, line_id, buyer_id",
        ("vector", "joined", "content_hash", "accounts", "amounts", "booked_steps"),
    ),
    "assertion": ("order_id, line_id, buyer_id", ("position", "raw")),
    "balance": ("account_id", ("amount_minor", "entries")),
}


def run(count: int = ASSERTIONS) -> dict[str, float]:
    """Load assertions, post them all, write the same rows raw; returns the three figures."""
    with tempfile.TemporaryDirectory() as folder:
        load_registry()
        with Poster(Path(folder)) as poster:
            until(all_is_posted, "the registry is posted", _SECONDS, poster)
            poster.terminate()
        load_credits(count)
        seconds, cpu_seconds = _poster(Path(folder))
    return {
        "assertions_per_second": round(count / seconds),
        "cpu_us_per_assertion": round(cpu_seconds / count * _MICRO, 2),
        "raw_share": round(count / seconds / raw_rate(count), 3),
    }


def _poster(folder: Path) -> tuple[float, float]:
    """Seconds and CPU seconds from its assignment until all is durable."""
    with Poster(folder) as poster:
        until(poster.is_ready, "the poster is ready", process=poster)
        process = psutil.Process(poster.pid)
        began, cpu_began = time.perf_counter(), _cpu(process)
        until(all_is_posted, "all assertions are posted", _SECONDS, poster)
        seconds, cpu_seconds = time.perf_counter() - began, _cpu(process) - cpu_began
        assert poster.terminate() == 0
    return seconds, cpu_seconds


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def raw_rate(assertions: int) -> float:
    """Assertions a second at which the rows that they made can be written by COPY and upserts alone."""
    with psycopg.connect(psycopg_dsn("owner"), options=SESSION, autocommit=True) as owner:
        owner.execute("DROP SCHEMA IF EXISTS raw CASCADE")
        owner.execute("CREATE SCHEMA raw")
        for table in _TABLES:
            owner.execute(f"CREATE TABLE raw.{table} (LIKE {table} INCLUDING ALL)")
            owner.execute(f"CREATE TEMP TABLE {table}_staged (LIKE {table}) ON COMMIT DELETE ROWS")
        rows = {table: _rows(owner, table) for table in _TABLES}
        changes = max(1, len(rows["journal"]) - len(rows["line"]))  # as many upserts of lines as there were changes
        batches = -(-assertions // BATCH)
        began = time.perf_counter()
        for number in range(batches):
            with owner.transaction():
                _copy(owner, "raw.journal", _part(rows["journal"], number, batches))
                for table in ("line", "assertion"):
                    again = rows[table][:changes]
                    fresh = _part(rows[table], number, batches)
                    _upsert(owner, table, list(dict.fromkeys([*fresh, *_part(again, number, batches)])))
                _upsert(owner, "balance", rows["balance"])
        seconds = time.perf_counter() - began
        owner.execute("DROP SCHEMA raw CASCADE")
    return assertions / seconds


def _rows(owner: psycopg.Connection[Any], table: str) -> list[bytes]:
    """A table's rows as COPY text."""
    with owner.cursor().copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(map(bytes, copy)).splitlines(keepends=True)


def _part(rows: list[bytes], number: int, of: int) -> Iterator[bytes]:
    return islice(rows, number * len(rows) // of, (number + 1) * len(rows) // of)


def _copy(owner: psycopg.Connection[Any], target: str, rows: Iterator[bytes] | list[bytes]) -> None:
    with owner.cursor().copy(f"COPY {target} FROM STDIN") as copy:
        copy.write(b"".join(rows))


def _upsert(owner: psycopg.Connection[Any], table: str, rows: list[bytes]) -> None:
    key, columns = _UPSERTS[table]
    _copy(owner, f"{table}_staged", rows)
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns)
    owner.execute(f"INSERT INTO raw.{table} SELECT * FROM {table}_staged ON CONFLICT ({key}) DO UPDATE SET {changes}")


if __name__ == "__main__":
    print(json.dumps(run()))
