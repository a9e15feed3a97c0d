"""Runs for pages: the newest first, one with who asked for it, and what it plans for parties and contents."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_datetime, to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.plan_rows import PARTY_PLANS, RUNS, read_party_plan, read_run
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.books.run_ports import StoredRun
from services.settlement.domain.settling.plan_hash import PartyPlan

_NEWEST = """
SELECT run.id, run.as_of, run.status, run."by", run.planned_at, run.done_at, coalesce(command.result, '{}')
FROM run LEFT JOIN command ON command.id = run.id
WHERE %s::timestamptz IS NULL OR (run.planned_at, run.id) < (%s, %s)
ORDER BY run.planned_at DESC, run.id DESC LIMIT %s
"""
_ONE = RUNS.replace("SELECT", 'SELECT run."by", run.planned_at, run.done_at,') + "WHERE run.id = %s"
_APPLIED = "SELECT count(*) FILTER (WHERE done), count(*) FROM run_progress WHERE run = %s"
_PARTIES = PARTY_PLANS.replace("ORDER BY", "AND (party, currency) > (%s, %s) ORDER BY") + "LIMIT %s"
_CONTENTS = """
SELECT identity, currency, (SELECT coalesce(sum(amount), 0)::bigint FROM unnest(settled_amounts) AS amount)
FROM run_content WHERE run = %s AND (identity, currency) > (%s, %s) ORDER BY 1, 2 LIMIT %s
"""
_UNFINISHED = "SELECT id FROM run WHERE status <> 'done'"
_BEFORE_ALL: PageKey = ("", "")


class ListedRun(NamedTuple):
    """A run in a list. Times are microseconds; `result` is what its command says, which is bounded.

    `done_at` None = it was planned and is not done.
    """

    id: str
    as_of: int
    status: str
    by: str
    planned_at: int
    done_at: int | None
    result: Mapping[str, Any]


class FoundRun(NamedTuple):
    """A run as stored, its point, who asked for it and when (microseconds).

    `partitions` counts those that are applied, and all.
    """

    run: StoredRun
    point: RunPoint
    by: str
    planned_at: int
    done_at: int | None
    partitions: tuple[int, int]


class RunContent(NamedTuple):
    """A content whose script fee a run settles; `settled_minor` is what is settled of the fee after it."""

    content_id: str
    currency: str
    settled_minor: int


def newest_runs(connection: Connection, after: PageKey | None = None, limit: int = 50) -> KeysetPage[ListedRun]:
    """All runs, the newest first; a key is (planned_at in microseconds, id)."""
    at, name = (None, None) if after is None else (to_datetime(int(after[0])), after[1])
    rows = psycopg_of(connection).execute(_NEWEST, (at, at, name, limit + 1)).fetchall()
    return page_of([_listed(row) for row in rows], limit, lambda one: (one.planned_at, one.id))


def unfinished_run(connection: Connection) -> str | None:
    """The run that was planned and is not done; there is at most one."""
    row = psycopg_of(connection).execute(_UNFINISHED).fetchone()
    return None if row is None else str(row[0])


def find_run(connection: Connection, run: str) -> FoundRun | None:
    """The run of this id."""
    raw = psycopg_of(connection)
    row = raw.execute(_ONE, (run,)).fetchone()
    if row is None:
        return None
    by, planned_at, done_at, *stored = row
    applied, partitions = raw.execute(_APPLIED, (run,)).fetchone() or (0, 0)
    return FoundRun(*read_run(stored), by, to_micros(planned_at), _micros(done_at), (applied, partitions))


def run_parties(
    connection: Connection, run: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[PartyPlan]:
    """What a run settles and nets for parties; a key is (party, currency)."""
    rows = psycopg_of(connection).execute(_PARTIES, (run, *(after or _BEFORE_ALL), limit + 1)).fetchall()
    return page_of([read_party_plan(row) for row in rows], limit, lambda one: (one.party, one.currency))


def run_contents(
    connection: Connection, run: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[RunContent]:
    """Contents whose script fees a run settles; a key is (content_id, currency)."""
    rows = psycopg_of(connection).execute(_CONTENTS, (run, *(after or _BEFORE_ALL), limit + 1)).fetchall()
    return page_of([RunContent(*row) for row in rows], limit, lambda one: (one.content_id, one.currency))


def _listed(row: Sequence[Any]) -> ListedRun:
    name, as_of, status, by, planned_at, done_at, result = row
    return ListedRun(name, to_micros(as_of), status, by, to_micros(planned_at), _micros(done_at), result)


def _micros(moment: Any) -> int | None:
    return None if moment is None else to_micros(moment)
