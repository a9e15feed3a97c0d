"""Closes of months made by hand in PostgreSQL, with their sums, as the closer makes them; and their statements."""

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text

from services.runtime.database import engine
from services.settlement.books import statement_store as books_store
from services.settlement.books.statement_store import StatementStore, statement_store
from services.settlement.domain.book.commands import canonical_json
from services.settlement.domain.statements.merkle import MerkleTree
from services.settlement.domain.statements.statement import digest_of
from services.settlement.statements.issue import IssuedPeriod, issue_statements
from tests.kit.books import Books

_CLOSE = """
INSERT INTO period_close (period, revision, cut, offsets, previous_seal, seal, command, closed_by, closed_at)
SELECT CAST(:period AS text), CAST(:revision AS int), array_agg(seq ORDER BY partition), '{}', '\\x00', :seal,
  :command, 'ann', now()
FROM writer
"""
_SUMS = """
INSERT INTO period_sum
SELECT CAST(:period AS text), CAST(:revision AS int), leg.account_id, sum(leg.amount)
FROM journal j CROSS JOIN LATERAL unnest(j.accounts, j.amounts) AS leg (account_id, amount)
WHERE j.period = CAST(:period AS text) GROUP BY 3 HAVING sum(leg.amount) <> 0
"""

_REOPENED = """
UPDATE period_close SET reopened_by = 'eve', reopened_at = now() WHERE period = :period AND reopened_at IS NULL
"""


def close_month(period: str, revision: int = 1) -> None:
    """Close YYYY-MM at what is booked now."""
    seal = hashlib.sha256(f"{period}/{revision}".encode()).digest()
    values = {"period": period, "revision": revision, "seal": seal, "command": f"close-{period}-{revision}"}
    with engine("owner").begin() as connection:
        upsert = "INSERT INTO period VALUES (:period, true) ON CONFLICT (id) DO UPDATE SET closed = true"
        for statement in (upsert, _CLOSE, _SUMS):
            connection.execute(text(statement), values)


def reopen_month(period: str) -> None:
    """Open a closed month again, as two people do."""
    with engine("owner").begin() as connection:
        connection.execute(text("UPDATE period SET closed = false WHERE id = :period"), {"period": period})
        connection.execute(text(_REOPENED), {"period": period})


def issue(period: str, revision: int = 1, chunk: int = 500) -> IssuedPeriod:
    """Issue the statements of a close."""
    with statement_store() as store:
        return issue_statements(store, period, revision, lambda _line: None, chunk)


def close_and_issue(period: str, revision: int = 1) -> IssuedPeriod:
    """Close a month and issue its statements."""
    close_month(period, revision)
    return issue(period, revision)


def killed_at(commit: int, period: str, chunk: int) -> bool:
    """Issue in a process of its own that is killed -9 after so many chunks; False if there are fewer."""
    child = os.fork()
    if child == 0:
        try:
            with statement_store() as store:
                issue_statements(_Killed(store, commit), period, 1, lambda _line: None, chunk)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@contextmanager
def frozen_with_the_numbers(period: str) -> Iterator[None]:
    """Within the block, a process that issues is stopped in the transaction that holds writer N."""
    child = os.fork()
    if child == 0:
        try:
            lock = books_store._lock_numbers

            def lock_and_stop(connection: Connection) -> None:
                lock(connection)
                os.kill(os.getpid(), signal.SIGSTOP)

            books_store._lock_numbers = lock_and_stop
            issue(period)
        finally:
            os._exit(0)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


class _Killed:
    """A store whose process ends after a chunk."""

    def __init__(self, store: StatementStore, commit: int) -> None:
        self._store, self._left = store, commit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def add(self, *chunk: Any) -> None:
        self._store.add(*chunk)
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def seal_again(books: Books, period: str, seq: int, members: dict[str, Any]) -> None:
    """Give a statement other members, and all of its close the root and the paths that follow."""
    rows = books.rows(f"SELECT seq, body FROM statement WHERE period = '{period}' ORDER BY seq")
    texts = dict(rows)
    texts[seq] = canonical_json(json.loads(texts[seq]) | members)
    tree = MerkleTree([digest_of(body) for body in texts.values()])
    change = text("UPDATE statement SET body = :body, sha256 = :digest, path = :path WHERE seq = :seq")
    with engine("owner").begin() as connection:
        for index, (number, body) in enumerate(texts.items()):
            values = {"seq": number, "body": body, "digest": digest_of(body), "path": tree.path(index)}
            connection.execute(change, values)
        root = text("UPDATE period_close SET root = :root WHERE period = :period")
        connection.execute(root, {"root": tree.root, "period": period})


def bodies(books: Books, period: str, revision: int = 1) -> dict[tuple[str, str], dict[str, Any]]:
    """The statements of a close by party and currency."""
    rows = books.rows(
        f"SELECT party, currency, body FROM statement WHERE period = '{period}' AND revision = {revision} ORDER BY seq"
    )
    return {(party, currency): json.loads(body) for party, currency, body in rows}
