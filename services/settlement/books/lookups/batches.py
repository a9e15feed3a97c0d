"""Batches of payouts for pages: the newest first, and of one its payouts, nets, files, and what banks replied."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_datetime, to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.payout_reads import PayoutsInState
from services.settlement.books.payout_rows import BATCHES, NETS, PAYOUTS, read_batch, read_net, read_payout
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.paying.batch_hash import BatchNet

_NEWEST = f"""
{BATCHES} WHERE %s::timestamptz IS NULL OR (proposed_at, id) < (%s, %s) ORDER BY proposed_at DESC, id DESC LIMIT %s
"""
_STATES = """
SELECT batch, status, currency, count(*), sum(amount_minor)::bigint FROM payout WHERE batch = ANY(%s)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_EXPORTED = "SELECT DISTINCT batch FROM payout_file WHERE batch = ANY(%s)"
_PAYOUTS = f"{PAYOUTS} WHERE batch = %s AND (party, currency) > (%s, %s) ORDER BY party, currency LIMIT %s"
_NETS = NETS.replace("ORDER BY", "AND (party, currency) > (%s, %s) ORDER BY") + "LIMIT %s"
_FILES = """
SELECT file.name, file.form, file.currency, file.payouts, file.amount_minor, file.sha256, command.id, command."by",
  command.at, command.body ->> 'form'
FROM payout_file file JOIN command ON command.id = file.command WHERE file.batch = %s
ORDER BY file.form, file.currency, file.number
"""
_REPLIES = """
SELECT reply.file_sha256, min(command.at), min(command."by"), count(*), count(reply.finding)
FROM payout JOIN payout_reply reply ON reply.payout = payout.id JOIN command ON command.id = reply.command
WHERE payout.batch = %s GROUP BY 1 ORDER BY 2, 1
"""
_BEFORE_ALL: PageKey = ("", "")


class ListedBatch(NamedTuple):
    """A batch with the states of its payouts; `is_exported`: a bank may have a file of it."""

    batch: StoredBatch
    states: Sequence[PayoutsInState]
    is_exported: bool


class ExportedFile(NamedTuple):
    """A payment file that was sealed, and the command that exported it. `at` is microseconds.

    `asked_form` is what that command asked for; None = each payout in the form of its rail.
    """

    name: str
    form: str
    currency: str
    payouts: int
    amount_minor: int
    sha256: str
    command: str
    by: str
    at: int
    asked_form: str | None


class ReplyFile(NamedTuple):
    """A bank's file with what it says of a batch: rows, and how many of them are findings. `at` is microseconds."""

    sha256: str
    at: int
    by: str
    rows: int
    findings: int


def newest_batches(connection: Connection, after: PageKey | None = None, limit: int = 50) -> KeysetPage[ListedBatch]:
    """All batches, those proposed last first; a key is (proposed_at in microseconds, id)."""
    at, name = (None, None) if after is None else (to_datetime(int(after[0])), after[1])
    rows = psycopg_of(connection).execute(_NEWEST, (at, at, name, limit + 1)).fetchall()
    batches = _with_states(connection, [read_batch(row) for row in rows])
    return page_of(batches, limit, lambda one: (one.batch.proposed_at, one.batch.id))


def listed_batch(connection: Connection, batch_id: str) -> ListedBatch | None:
    """One batch."""
    row = psycopg_of(connection).execute(f"{BATCHES} WHERE id = %s", (batch_id,)).fetchone()
    return None if row is None else _with_states(connection, [read_batch(row)])[0]


def batch_payouts(
    connection: Connection, batch_id: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[StoredPayout]:
    """The payouts of a batch; a key is (party, currency)."""
    rows = psycopg_of(connection).execute(_PAYOUTS, (batch_id, *(after or _BEFORE_ALL), limit + 1)).fetchall()
    return page_of([read_payout(row) for row in rows], limit, lambda one: (one.plan.party, one.plan.currency))


def batch_nets(
    connection: Connection, batch_id: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[BatchNet]:
    """What a batch nets; a key is (party, currency)."""
    rows = psycopg_of(connection).execute(_NETS, (batch_id, *(after or _BEFORE_ALL), limit + 1)).fetchall()
    return page_of([read_net(row) for row in rows], limit, lambda one: (one.party, one.currency))


def exported_files(connection: Connection, batch_id: str) -> list[ExportedFile]:
    """The files of a batch; there are few."""
    rows = psycopg_of(connection).execute(_FILES, (batch_id,)).fetchall()
    return [ExportedFile(*row)._replace(sha256=bytes(row[5]).hex(), at=to_micros(row[8])) for row in rows]


def reply_files(connection: Connection, batch_id: str) -> list[ReplyFile]:
    """The replies that name payouts of a batch, in the order in which they came."""
    rows = psycopg_of(connection).execute(_REPLIES, (batch_id,)).fetchall()
    return [ReplyFile(bytes(sha256).hex(), to_micros(at), *more) for sha256, at, *more in rows]


def _with_states(connection: Connection, batches: Sequence[StoredBatch]) -> list[ListedBatch]:
    ids = [batch.id for batch in batches]
    raw = psycopg_of(connection)
    states: dict[str, list[PayoutsInState]] = {}
    for batch, *state in raw.execute(_STATES, (ids,)).fetchall():
        states.setdefault(batch, []).append(PayoutsInState(*state))
    exported = {batch for (batch,) in _all(raw, _EXPORTED, ids)}
    return [ListedBatch(batch, states.get(batch.id, []), batch.id in exported) for batch in batches]


def _all(raw: Any, statement: str, ids: Sequence[str]) -> list[Sequence[Any]]:
    found: list[Sequence[Any]] = raw.execute(statement, (list(ids),)).fetchall()
    return found
