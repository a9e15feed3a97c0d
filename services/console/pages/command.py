"""Commands: who decided what, when and why, and what came of it."""

from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.keyset_rows import books_rows
from services.console.pages.command_tree import tree
from services.console.render import moment, render
from services.console.tables import CellKind, Column, PageTable
from services.console.values import CellValue, LinkCell, WordsCell, path
from services.settlement.books.lookups.commands import ListedCommand, named_command, newest_commands
from services.settlement.domain.book.commands import Command, CommandKind

KINDS: Mapping[str, str] = {
    CommandKind.SETTLEMENT_RUN: "Settlement run",
    CommandKind.LINES_RERATED: "Lines priced anew",
    CommandKind.LINE_QUARANTINED: "Line frozen",
    CommandKind.LINE_RELEASED: "Line let go",
    CommandKind.CLAWBACK_WRITTEN_OFF: "Debt given up",
    CommandKind.CLAWBACK_REPAID: "Debt paid back to us",
    CommandKind.BRAND_PAID: "A brand has paid",
    CommandKind.TRAFFIC_BOUGHT: "Traffic was bought",
    CommandKind.ADJUSTMENT_PROPOSED: "Adjustment proposed",
    CommandKind.ADJUSTMENT_POSTED: "Adjustment posted",
    CommandKind.PAYOUT_PROPOSED: "Payouts proposed",
    CommandKind.PAYOUT_APPROVED: "Payouts approved",
    CommandKind.PAYOUT_CANCELLED: "Payouts cancelled",
    CommandKind.PAYOUT_EXPORTED: "Payment files exported",
    CommandKind.PAYOUT_REPLIED: "A bank's reply booked",
    CommandKind.PAYOUT_RELEASED: "Payout released",
    CommandKind.PERIOD_CLOSED: "Month closed",
    CommandKind.PERIOD_REOPEN_PROPOSED: "Reopening a month proposed",
    CommandKind.PERIOD_REOPENED: "Month reopened",
    CommandKind.BUYER_SEVERED: "A buyer's link to orders cut",
}
"""What each kind is for people."""

_COLUMNS = (
    Column("seq", "Number", CellKind.NUMBER), Column("at", "When"), Column("what", "What"), Column("by", "By"),
    Column("reason", "Why"), Column("command", "Command", CellKind.CODE),
)  # fmt: skip


def show_commands(request: Request) -> Response:
    """All commands, the newest first, or those of a kind or of a login."""
    kind, by = request.query_params.get("kind") or None, request.query_params.get("by") or None
    rows = books_rows(
        request, (int,), lambda books, after, limit: newest_commands(books, kind, by, after, limit), command_cells
    )
    table = PageTable("commands", "Commands", _COLUMNS, rows, "No command is like that.")
    return render(request, "commands.html", room="", tables=[table], kinds=KINDS, kind=kind, by=by)


def show_command(request: Request) -> Response:
    """One command with all that it says."""
    with reading(request) as connection:
        found = named_command(connection, request.path_params["id"])
    if found is None:
        raise HTTPException(404, "the books know no command of this name")
    command = found.command
    return render(
        request,
        "command.html",
        room="",
        command=command,
        seq=found.seq,
        what=KINDS.get(command.kind, command.kind),
        at=moment(command.at),
        page=page_of_command(command),
        body=tree(command.body),
        result=tree(command.result),
        point=None if command.point is None else tree(command.point),
        hash=found.hash.hex(),
        prev_hash=found.prev_hash.hex(),
    )


def command_cells(one: ListedCommand) -> Sequence[CellValue]:
    """A command in the list."""
    what = WordsCell(KINDS.get(one.kind, one.kind))
    return one.seq, moment(one.at), what, one.by, one.reason, LinkCell(one.id, path("command", one.id))


def page_of_command(command: Command) -> LinkCell | None:
    """The page of what a command made or is about; None = it has none of its own."""
    if command.kind == CommandKind.SETTLEMENT_RUN:
        return LinkCell(command.id, path("run", command.id))
    if command.kind == CommandKind.PAYOUT_PROPOSED:
        return LinkCell(command.id, path("batch", command.id))
    for place in ("payout", "batch", "party"):
        if isinstance(name := command.body.get(place), str):
            return LinkCell(name, path(place, name))
    return None


ROUTES = (Route("/commands", show_commands), Route("/command/{id}", show_command))
