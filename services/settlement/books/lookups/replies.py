"""What banks replied, for pages: a file row by row, and all that a payout went through."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.payout_ports import StoredPayout
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.remittance.forms import RULES, PaymentForm

_COLUMNS = """
SELECT reply.file_sha256, reply.row, reply.payout, reply.outcome, reply.amount_minor, reply.currency, reply.bank_ref,
  reply.fee_minor, reply.finding, command.id, command."by", command.at
FROM payout_reply reply JOIN command ON command.id = reply.command
"""
_OF_FILE = f"{_COLUMNS} WHERE reply.file_sha256 = %s AND reply.row > %s ORDER BY reply.row LIMIT %s"
_FINDINGS_OF_FILE = _OF_FILE.replace("ORDER BY", "AND reply.finding IS NOT NULL ORDER BY")
_OF_PAYOUT = f"{_COLUMNS} WHERE reply.payout = %s ORDER BY command.seq, reply.row"
_COUNTS = "SELECT count(*), count(finding) FROM payout_reply WHERE file_sha256 = %s"
_DECISIONS = """
SELECT kind, id, "by", at, body ->> 'form' FROM command
WHERE kind = ANY(%(of_batch)s) AND body ->> 'batch' = %(batch)s
  AND (kind <> %(cancelled)s OR coalesce(body ->> 'payout', %(payout)s) = %(payout)s)
  OR kind = %(released)s AND body ->> 'payout' = %(payout)s
ORDER BY seq
"""
_OF_BATCH = [CommandKind.PAYOUT_APPROVED, CommandKind.PAYOUT_CANCELLED, CommandKind.PAYOUT_EXPORTED]


class BankReplyRow(NamedTuple):
    """A row of a bank's file, and the command that took it in. `at` is microseconds.

    Attributes:
        payout: as the file names it; the books may not know it.
        amount_minor: None = the file says none.
        finding: why it booked nothing; None = it booked an entry.
    """

    sha256: str
    row: int
    payout: str
    outcome: str
    amount_minor: int | None
    currency: str | None
    bank_ref: str | None
    fee_minor: int
    finding: str | None
    command: str
    by: str
    at: int


class PayoutDecision(NamedTuple):
    """A command about a payout or its batch. `at` is microseconds.

    `form` is what an export asked for; None = each payout in the form of its rail.
    """

    kind: str
    command: str
    by: str
    at: int
    form: str | None = None


def reply_counts(connection: Connection, sha256: str) -> tuple[int, int]:
    """How many rows of a file are stored, and how many of them are findings."""
    rows, findings = psycopg_of(connection).execute(_COUNTS, (bytes.fromhex(sha256),)).fetchone() or (0, 0)
    return rows, findings


def reply_rows(
    connection: Connection, sha256: str, after: PageKey | None = None, limit: int = 50, *, findings_only: bool = False
) -> KeysetPage[BankReplyRow]:
    """Rows of a bank's file in its order; a key is (row,)."""
    statement = _FINDINGS_OF_FILE if findings_only else _OF_FILE
    rows = psycopg_of(connection).execute(statement, (bytes.fromhex(sha256), *(after or (0,)), limit + 1)).fetchall()
    return page_of([_read(row) for row in rows], limit, lambda one: (one.row,))


def replies_to(connection: Connection, payout_id: str) -> list[BankReplyRow]:
    """What banks said of a payout, in the order in which it came."""
    return [_read(row) for row in psycopg_of(connection).execute(_OF_PAYOUT, (payout_id,)).fetchall()]


def decisions_on(connection: Connection, payout: StoredPayout) -> list[PayoutDecision]:
    """What people decided on a payout after it was proposed; an export counts as one."""
    wanted = {
        "of_batch": _OF_BATCH, "batch": payout.batch, "payout": payout.id, "cancelled": CommandKind.PAYOUT_CANCELLED,
        "released": CommandKind.PAYOUT_RELEASED,
    }  # fmt: skip
    rows = psycopg_of(connection).execute(_DECISIONS, wanted).fetchall()
    told = [PayoutDecision(kind, name, by, to_micros(at), form) for kind, name, by, at, form in rows]
    return list(effective_decisions(payout.plan.payee.rail, told))


def effective_decisions(rail: str, decisions: Sequence[PayoutDecision]) -> Iterator[PayoutDecision]:
    """Decisions that reach a payout of this rail: none after its cancellation, and no export for another rail."""
    for one in decisions:
        if one.form is None or RULES[PaymentForm(one.form)].rail == rail:
            yield one
        if one.kind == CommandKind.PAYOUT_CANCELLED:
            return


def _read(row: Sequence[Any]) -> BankReplyRow:
    return BankReplyRow(*row)._replace(sha256=bytes(row[0]).hex(), at=to_micros(row[-1]))
