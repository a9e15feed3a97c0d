"""Commands: who decided what, when and why, and what came of it."""

from collections.abc import Sequence

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
from services.console.words.labels import COMMANDS
from services.settlement.books.lookups.commands import ListedCommand, named_command, newest_commands
from services.settlement.domain.book.commands import Command, CommandKind

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
    return render(request, "commands.html", room="Commands", tables=[table], kinds=COMMANDS, kind=kind, by=by)


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
        room="Commands",
        command=command,
        seq=found.seq,
        what=COMMANDS.get(command.kind, command.kind),
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
    what = WordsCell(COMMANDS.get(one.kind, one.kind))
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
