"""A content: what the registry knows of it, its script fee, and paid traffic on it."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.content_figures import content_figures
from services.console.keyset_rows import books_rows
from services.console.render import moment, render
from services.console.tables import CellKind, Column, PageTable, ReadRows, RowKey, all_rows
from services.console.values import CellValue, MoneyCell, WordsCell
from services.console.words.labels import account_sentence
from services.kernel.sentences import Sentence
from services.settlement.books.lookups.content import (
    ContentLookup,
    ContentSpend,
    FeePosition,
    content_facts,
    content_spends,
    fee_positions,
)
from services.settlement.books.lookups.keyset import KeysetPage

_FEE = (
    Column("account", "Account", CellKind.CODE),
    Column("meaning", "What it is"),
    Column("amount", "Amount", CellKind.NUMBER),
    Column("currency", "Currency"),
)
_SPEND = (
    Column("spend_id", "Spend", CellKind.CODE),
    Column("occurred_at", "When"),
    Column("amount", "Amount", CellKind.NUMBER),
    Column("currency", "Currency"),
    Column("paid_by", "Borne by"),
)
PAYERS = {"brand": "the brand", "platform": "the platform", "koc": "the KOC"}


def show_content(request: Request) -> Response:
    """The page of a content."""
    content_id = request.path_params["content_id"]
    with reading(request) as connection:
        facts = content_facts(connection, content_id)
        fees = fee_positions(connection, content_id)
    tables = [
        PageTable("fee", "Script fee in the books, debit positive", _FEE, all_rows(list(_fee_rows(fees))),
                  "Nothing of a script fee is booked."),
        PageTable("spend", "Paid traffic", _SPEND, _spends(request, content_id), "No paid traffic was reported."),
    ]  # fmt: skip
    return render(
        request,
        "content.html",
        tables=tables,
        content_id=content_id,
        registered=facts.registered,
        registered_at=None if facts.registered is None else moment(facts.registered.registered_at),
        fee=_fee(facts),
        fee_said=_fee_said(facts),
        removed_at=None if facts.removed_at is None else moment(facts.removed_at),
        holds=facts.holds,
        figures=content_figures(request, content_id=content_id),
    )


def _fee(facts: ContentLookup) -> MoneyCell | None:
    """The script fee that its registration names."""
    content = facts.registered
    if content is None or content.currency is None or not content.script_fee_minor:
        return None
    return MoneyCell(content.script_fee_minor, content.currency)


def _fee_said(facts: ContentLookup) -> Sentence | None:
    """What became of the script fee; None = there is none."""
    if _fee(facts) is None:
        return None
    if facts.is_fee_cancelled:
        return Sentence("The content was removed, so the script fee is not owed.")
    if facts.accepted_at is None:
        return Sentence("The brand has not accepted the script yet, so its fee is not owed yet.")
    return Sentence("The brand accepted the script on {day}, so its fee is owed.", day=moment(facts.accepted_at).day)


def _fee_rows(fees: Sequence[FeePosition]) -> Iterator[Sequence[CellValue]]:
    for fee in fees:
        for account, minor in fee.booked.items():
            yield account, WordsCell(account_sentence(account)), MoneyCell(minor, fee.currency), fee.currency


def _spends(request: Request, content_id: str) -> ReadRows:
    def read(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[ContentSpend]:
        return content_spends(connection, content_id, after, limit)

    return books_rows(request, (str,), read, _spend_cells)


def _spend_cells(one: ContentSpend) -> Sequence[CellValue]:
    paid_by = WordsCell(PAYERS.get(one.paid_by, one.paid_by))
    return one.spend_id, moment(one.occurred_at), MoneyCell(one.amount_minor, one.currency), one.currency, paid_by


ROUTES = (Route("/content/{content_id:path}", show_content),)
