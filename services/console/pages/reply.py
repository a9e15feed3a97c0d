"""A bank's reply, row by row: what was booked, and what contradicts the books."""

import re
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.keyset_rows import books_rows
from services.console.pages.payout_stages import payout_state
from services.console.render import render
from services.console.tables import CellKind, Column, PageTable
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.words.labels import PAYOUT_STATES
from services.kernel.sentences import recognize
from services.settlement.books.lookups.replies import BankReplyRow, reply_counts, reply_rows
from services.settlement.domain.remittance.replies import FINDINGS

_NUMBER, _CODE = CellKind.NUMBER, CellKind.CODE
OUTCOME_COLUMNS = (
    Column("outcome", "The bank says"), Column("amount", "Amount", _NUMBER), Column("fee", "Fee", _NUMBER),
    Column("currency", "Currency"), Column("bank_ref", "The bank's reference", _CODE),
    Column("booked", "What became of it"), Column("finding", "Why nothing was booked"),
    Column("command", "Command", _CODE),
)  # fmt: skip
"""Columns of `outcome_cells`."""
_TEMPLATES = (*FINDINGS, *PAYOUT_STATES)


def show_reply(request: Request) -> Response:
    """All rows, those that booked nothing first."""
    sha256 = request.path_params["sha256"]
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise HTTPException(404, "no reply has this name")
    with reading(request) as connection:
        rows, findings = reply_counts(connection, sha256)
    if not rows:
        raise HTTPException(404, "no reply has this name")
    return render(
        request,
        "reply.html",
        room="Payouts",
        tables=[
            _table(request, sha256, "findings", "Findings: rows that booked nothing", findings_only=True),
            _table(request, sha256, "rows", "All rows", findings_only=False),
        ],
        sha256=sha256,
        rows=rows,
        findings=findings,
    )


def row_cells(row: BankReplyRow) -> Sequence[CellValue]:
    """A row of the file."""
    return row.row, LinkCell(row.payout, path("payout", row.payout)), *outcome_cells(row)


def outcome_cells(row: BankReplyRow) -> Sequence[CellValue]:
    """What a row says, and what became of it."""
    of = row.currency or ""
    return (
        payout_state(row.outcome),
        None if row.amount_minor is None else MoneyCell(row.amount_minor, of),
        MoneyCell(row.fee_minor, of) if row.fee_minor else None,
        row.currency,
        row.bank_ref,
        WordsCell("booked", "good") if row.finding is None else WordsCell("finding", "bad"),
        None if row.finding is None else WordsCell(recognize(row.finding, _TEMPLATES)),
        LinkCell(row.command, path("command", row.command)),
    )


def _table(request: Request, sha256: str, name: str, title: str, *, findings_only: bool) -> PageTable:
    columns = Column("row", "Row", _NUMBER), Column("payout", "Payout", _CODE), *OUTCOME_COLUMNS
    rows = books_rows(
        request,
        (int,),
        lambda books, after, limit: reply_rows(books, sha256, after, limit, findings_only=findings_only),
        row_cells,
    )
    return PageTable(name, title, columns, rows, "Every row was booked.")


ROUTES = (Route("/reply/{sha256}", show_reply),)
