"""Settlement runs within a history: tried out first, perhaps cut off in the middle, and what they come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from services.kernel.time import format_rfc3339
from services.operations.settle.settle import draft_of, settle, try_out
from services.runtime.database import psycopg_dsn
from services.settlement.books.run_store import run_store
from tests.kit.processes import KocProcess
from tests.kit.run_processes import until_run_is_free
from tests.kit.waiting import until

WAIT_SECONDS = 120
CUT_AT = 7
"""The partition before which a run is cut off."""

_LINES = """
SELECT order_id, line_id, buyer_id, grants, parts, array(
  SELECT key || ' ' || amount FROM unnest(settled_accounts, settled_amounts) AS leg (account_id, amount)
  JOIN account ON account.id = account_id ORDER BY 1
) FROM run_line WHERE run = %s ORDER BY 1, 2, 3
"""
_CONTENTS = """
SELECT identity, currency, array(
  SELECT key || ' ' || amount FROM unnest(settled_accounts, settled_amounts) AS leg (account_id, amount)
  JOIN account ON account.id = account_id ORDER BY 1
) FROM run_content WHERE run = %s ORDER BY 1, 2
"""
_PARTIES = "SELECT * FROM run_party WHERE run = %s ORDER BY party, currency"


class RunOutcome(NamedTuple):
    """What a run decided, in words that do not depend on where things lie in the logs.

    Attributes:
        counts: lines and sums as the command prints them.
        lines, contents, parties: rows of the plan.
        proofs: the plan's sha256 each time that it was made or asked for; these do depend on the logs.
    """

    counts: dict[str, Any]
    lines: list[tuple[Any, ...]]
    contents: list[tuple[Any, ...]]
    parties: list[tuple[Any, ...]]
    proofs: frozenset[bytes]


def run_name(as_of: int) -> str:
    """The id of the run as of a moment."""
    return f"run-{format_rfc3339(as_of)}"


def proof_of_a_trial(as_of: int) -> bytes:
    """The sha256 of the plan that a run would have; nothing is stored."""
    with run_store() as store:
        return try_out(store, draft_of(as_of, None, "a trial"), as_of, WAIT_SECONDS, _silent).plan_sha256


def run_as_of(as_of: int, trial: bytes, *, is_new: bool = True) -> RunOutcome:
    """Carry a run out, or finish it, or ask for it again.

    Args:
        as_of: its moment, microseconds.
        trial: the proof of the same plan, made before.
        is_new: whether it was not planned yet.
    """
    with run_store() as store:
        settled = settle(store, draft_of(as_of, None, "a history"), as_of, WAIT_SECONDS, _silent)
    assert settled.is_new is is_new
    with psycopg.connect(psycopg_dsn("owner")) as books:
        lines, contents, parties = (
            books.execute(query, [settled.run.id]).fetchall() for query in (_LINES, _CONTENTS, _PARTIES)
        )
    return RunOutcome(dict(settled.run.counts), lines, contents, parties, frozenset({trial, settled.run.plan_sha256}))


def cut_a_run(folder: Path, as_of: int) -> None:
    """Kill the process of a run, -9, when it has settled the lines of CUT_AT partitions and waits for the next one."""
    words = ("settlement", "run", "--as-of", format_rfc3339(as_of), "--reason", "a history")
    with _locked_writer(CUT_AT) as books, KocProcess(folder, "run", words) as process:
        done = "SELECT count(*) >= %s FROM run_progress WHERE run = %s AND done"
        until(
            lambda: books.execute(done, [CUT_AT, run_name(as_of)]).fetchone() == (True,),
            "half a run",
            WAIT_SECONDS,
            process,
        )
        process.kill()
    until_run_is_free()


@contextmanager
def _locked_writer(partition: int) -> Iterator[psycopg.Connection]:
    """Within the block, nobody else writes for a partition; a connection that sees what others commit."""
    with psycopg.connect(psycopg_dsn("owner")) as books:
        books.execute("SELECT FROM writer WHERE partition = %s FOR UPDATE", [partition])
        yield books
        books.rollback()


def _silent(_: str) -> None:
    """Progress that nobody watches."""
