"""An entry of the journal, whole: legs, cause, period, and its place in the chain of hashes."""

import json
import re
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.render import moment, render
from services.console.story.entries import cause_cell
from services.console.tables import CellKind, Column, PageTable, all_rows
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.words.labels import account_sentence
from services.settlement.books.journal_entry import JournalEntry, message
from services.settlement.books.lookups.entry import find_entry
from services.settlement.statements.labels import kind_label

_ENTRY_ID = re.compile(r"([0-9]{1,4})-([0-9]{1,18})", re.ASCII)
_LEGS = (
    Column("account", "Account", CellKind.CODE),
    Column("meaning", "What it is"),
    Column("debit", "Debit", CellKind.NUMBER),
    Column("credit", "Credit", CellKind.NUMBER),
)


def show_entry(request: Request) -> Response:
    """The page of an entry."""
    name = _ENTRY_ID.fullmatch(request.path_params["entry_id"])
    if name is None:
        raise HTTPException(404, "an entry is called WRITER-NUMBER, such as 2-1814")
    writer, seq = int(name[1]), int(name[2])
    with reading(request) as connection:
        found = find_entry(connection, writer, seq)
    if found is None:
        raise HTTPException(404, "the journal has no such entry")
    recorded, prev_hash = found.chained
    entry = recorded.entry
    return render(
        request,
        "entry.html",
        tables=[PageTable("legs", "Legs", _LEGS, all_rows(_leg_rows(recorded)))],
        entry=entry,
        entry_id=recorded.entry_id,
        kind=kind_label(entry.kind.text).english,
        effective_at=moment(entry.effective_at),
        recorded_at=moment(recorded.recorded_at),
        cause=cause_cell(entry.cause),
        corrects=None if entry.corrects is None else _link(entry.corrects),
        before=_link(f"{writer}-{seq - 1}") if seq > 1 else None,
        after=None if found.is_last else _link(f"{writer}-{seq + 1}"),
        hash=recorded.hash.hex(),
        prev_hash=prev_hash.hex(),
        message=json.dumps(message(recorded, prev_hash), indent=2, ensure_ascii=False),
    )


def _leg_rows(recorded: JournalEntry) -> list[Sequence[CellValue]]:
    """A row for each leg: debits and credits each in their column, without a sign."""
    currency = recorded.entry.currency
    return [
        (
            account,
            WordsCell(account_sentence(account)),
            MoneyCell(minor, currency) if minor > 0 else None,
            MoneyCell(-minor, currency) if minor < 0 else None,
        )
        for account, minor in recorded.entry.legs.items()
    ]


def _link(entry_id: str) -> LinkCell:
    return LinkCell(entry_id, path("entry", entry_id))


ROUTES = (Route("/entry/{entry_id}", show_entry),)
