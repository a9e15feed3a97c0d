"""Statements of closed months, to be read, printed and kept as files."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.keyset_rows import books_rows
from services.console.parties.statement_view import statement_view
from services.console.render import moment, render
from services.console.tables import CellKind, Column, PageTable, RowKey, all_rows
from services.console.values import CellValue, LinkCell, WordsCell, path
from services.kernel.sentences import Sentence
from services.settlement.books.lookups.keyset import KeysetPage
from services.settlement.books.lookups.statements import (
    ListedStatement,
    closed_months,
    find_statement,
    statements_of_month,
)
from services.settlement.domain.book.chart import OURSELVES
from services.settlement.domain.book.periods import PeriodClose
from services.settlement.domain.statements.owners import is_brand
from services.settlement.domain.statements.statement import NumberedStatement
from services.settlement.statements.forms import StatementForm, file_name, writer_of

_GREATEST_REVISION = 32_767
_MEDIA = {
    StatementForm.JSON: "application/json",
    StatementForm.CSV: "text/csv; charset=utf-8",
    StatementForm.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    StatementForm.PDF: "application/pdf",
}
_MONTHS = (
    Column("month", "Month"),
    Column("revision", "Revision", CellKind.NUMBER),
    Column("state", "State"),
    Column("closed_at", "Closed"),
    Column("closed_by", "By"),
    Column("command", "Command", CellKind.CODE),
    Column("root", "Root", CellKind.CODE),
)
_NAMES = (
    Column("party", "For", CellKind.CODE),
    Column("currency", "Currency"),
    Column("statement", "Statement"),
    Column("number", "Number", CellKind.NUMBER),
    Column("files", "Files"),
)


class ChosenMonth(NamedTuple):
    """A close whose statements are listed."""

    period: str
    revision: int


def show_statement(request: Request) -> Response:
    """One statement, or one of its files."""
    found = _found(request)
    if form := request.query_params.get("form"):
        return _file(found, form)
    body = json.loads(found.body)
    owner = path("brand", found.party.removeprefix("brand:")) if is_brand(found.party) else path("party", found.party)
    return render(
        request,
        "statement.html",
        room="Statements",
        shown=statement_view(found),
        one=found,
        seal=body["seal"],
        owner=None if found.party == OURSELVES else owner,
        href=path("statement", found.period, str(found.revision), found.party, found.currency),
        month=f"/statements?period={found.period}&revision={found.revision}",
        forms=[form.value for form in StatementForm if form is not StatementForm.PDF],
        first_form=StatementForm.PDF.value,
        command=f"koc statement verify {file_name(found, StatementForm.JSON)} --root {found.root.hex()}",
    )


def show_statements(request: Request) -> Response:
    """All closed months, and the statements of one of them."""
    with reading(request) as connection:
        months = closed_months(connection)
    chosen = _chosen(request, months)
    tables = [PageTable("months", "Closed months", _MONTHS, all_rows([_month_cells(one) for one in months]),
                        "No month is closed yet.")]  # fmt: skip
    if chosen is not None:
        tables.append(_listed(request, chosen))
    return render(request, "statements.html", room="Statements", tables=tables, chosen=chosen)


def _found(request: Request) -> NumberedStatement:
    """The statement that the address names."""
    period, party, currency = (request.path_params[name] for name in ("period", "party", "currency"))
    revision = request.path_params["revision"]
    found = None
    if revision <= _GREATEST_REVISION:
        with reading(request) as connection:
            found = find_statement(connection, period, revision, party, currency)
    if found is None:
        none = Sentence(
            "There is no statement of {party} in {currency} for {period}, revision {revision}. Look into the list.",
            party=party[:100],
            currency=currency[:10],
            period=period[:10],
            revision=str(revision)[:10],
        )
        raise HTTPException(404, none)
    return found


def _file(found: NumberedStatement, name: str) -> Response:
    """The bytes of a form, which are the same whenever they are made."""
    form = next((one for one in StatementForm if one.value == name), None)
    if form is None:
        raise HTTPException(
            404, Sentence("A statement has no form {form}: there are pdf, csv, xlsx and json.", form=name[:20])
        )
    headers = {"content-disposition": f'attachment; filename="{file_name(found, form)}"'}
    return Response(writer_of(form)(found), 200, headers, _MEDIA[form])


def _chosen(request: Request, months: Sequence[PeriodClose]) -> ChosenMonth | None:
    """The month of the address; the latest one whose statements are made, where the address names none."""
    wanted = request.query_params.get("period"), request.query_params.get("revision")
    made = [ChosenMonth(one.period, one.revision) for one in months if one.root is not None]
    if wanted == (None, None):
        return made[0] if made else None
    return next((one for one in made if (one.period, str(one.revision)) == wanted), None)


def _listed(request: Request, chosen: ChosenMonth) -> PageTable:
    """The statements of a month."""

    def names(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[ListedStatement]:
        return statements_of_month(connection, chosen.period, chosen.revision, after, limit)

    def cells(one: ListedStatement) -> list[CellValue]:
        href = path("statement", chosen.period, str(chosen.revision), one.party, one.currency)
        files = [LinkCell(form.value.upper(), f"{href}?form={form.value}") for form in StatementForm]
        owner = path("brand", one.party.removeprefix("brand:")) if is_brand(one.party) else path("party", one.party)
        party = one.party if one.party == OURSELVES else LinkCell(one.party, owner)
        return [party, one.currency, LinkCell(chosen.period, href), one.seq, files]

    return PageTable("statements", "Statements of the month", _NAMES, books_rows(request, (str, str), names, cells),
                     "This month has no statement.")  # fmt: skip


def _month_cells(one: PeriodClose) -> list[CellValue]:
    href = f"/statements?period={one.period}&revision={one.revision}#statements"
    state = WordsCell("Closed", "good") if one.stands else WordsCell("Opened again", "wait")
    if one.root is None:
        state = WordsCell("Statements are being made", "wait")
    return [
        one.period if one.root is None else LinkCell(one.period, href),
        one.revision,
        state,
        moment(one.closed_at),
        one.closed_by,
        LinkCell(one.command, path("command", one.command)),
        None if one.root is None else one.root.hex(),
    ]


ROUTES = (
    Route("/statements", show_statements),
    Route("/statement/{period}/{revision:int}/{party}/{currency}", show_statement),
)
