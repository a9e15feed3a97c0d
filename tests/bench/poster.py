"""How fast the poster is, beside a loop that only writes the same rows.

`assertions_per_second` and `cpu_us_per_assertion` are of the real process over real Kafka and PostgreSQL, chain, kept
assertions and all, from its assignment until every assertion is durable. `raw_share` is the share of the raw loop's
rate that this is: rows of the same book, prepared in memory, written by COPY and upserts in transactions of the same
size, without Kafka, logic or hashing; only for a book that was empty. Stages are of a run of its own.
`python -m tests.bench.poster [LINES]` on a running stack without workers: LINES is how many the book holds before.
"""

import json
import sys
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

_GROWN_AT_ONCE = 100_000
_GROW_LINES = """
INSERT INTO line (order_id, line_id, buyer_id, partition, standing, vector, joined, content_hash, brand_id, koc_ids,
  paid_at, currency, revision, accounts, amounts, booked_steps)
SELECT 'old_' || n, '1', 'b_' || n %% 20000, n %% 12, true, '{0,1,1,1}', '{0,1,1,1}', decode(md5(n::text), 'hex'),
  'br_' || n %% 200, ARRAY['k_' || n %% 2000], now(), 'CNY', 0, '{}', '{}', ARRAY['old_' || n || '_paid']
FROM generate_series(%s::int, %s::int) AS n
"""
_GROW_ASSERTIONS = """
INSERT INTO assertion (order_id, line_id, buyer_id, partition, position, raw)
SELECT 'old_' || n, '1', 'b_' || n %% 20000, n %% 12, n, decode(repeat(md5(n::text), 30), 'hex')
FROM generate_series(%s::int, %s::int) AS n
"""
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


class StagedPoster(Poster):
    """A poster that says at its end how long its stages took."""

    def start(self) -> None:
        """Start it with a clock around each stage."""
        self._run([sys.executable, "-m", "tests.bench.poster_stages", str(self.stages)])

    @property
    def stages(self) -> Path:
        """Where it says so."""
        return self.folder / "stages.json"


def run(count: int = ASSERTIONS, lines: int = 0) -> dict[str, float]:
    """Load assertions, post them all, write the same rows raw, post a third as many with a clock around each stage.

    Args:
        count: assertions.
        lines: how many lines the book is to hold before.
    """
    with tempfile.TemporaryDirectory() as folder:
        load_registry()
        with Poster(Path(folder)) as poster:
            until(all_is_posted, "the registry is posted", _SECONDS, poster)
            poster.terminate()
        grow(lines)
        load_credits(count)
        with Poster(Path(folder)) as poster:
            seconds, cpu_seconds = _measured(poster)
        raw_share = {} if lines else {"raw_share": round(count / seconds / raw_rate(count), 3)}
        load_credits(count // 3, first=count)
        with StagedPoster(Path(folder)) as poster:
            _measured(poster)
            stages = json.loads(poster.stages.read_text())
    staged = {
        f"{stage}_{kind}_us": round(spent[f"{kind}_seconds"] / (count // 3) * _MICRO, 2)
        for stage, spent in stages.items()
        for kind in ("wall", "cpu")
    }
    return {
        "assertions_per_second": round(count / seconds),
        "cpu_us_per_assertion": round(cpu_seconds / count * _MICRO, 2),
        **raw_share,
        **staged,
    }


def grow(lines: int) -> None:
    """Fill the book with lines that nobody asserts again, and with what a line brings along."""
    with psycopg.connect(psycopg_dsn("owner"), autocommit=True) as owner:
        for start in range(0, lines, _GROWN_AT_ONCE):
            numbers = (start, min(lines, start + _GROWN_AT_ONCE) - 1)
            owner.execute(_GROW_LINES, numbers)
            owner.execute(_GROW_ASSERTIONS, numbers)
        if lines:
            owner.execute("VACUUM ANALYZE line, assertion")


def _measured(poster: Poster) -> tuple[float, float]:
    """Seconds and CPU seconds from its assignment until all is durable; ends it."""
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
    print(json.dumps(run(lines=int(sys.argv[1]) if len(sys.argv) > 1 else 0), indent=1))
