"""`koc commands`: what people have decided, when and why."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import AsJson

if TYPE_CHECKING:
    from services.settlement.domain.book.commands import ChainedCommand

app = typer.Typer(no_args_is_help=True, help="What people have decided: the chain of commands.")


@contextmanager
def _commands() -> Iterator[Iterator["ChainedCommand"]]:
    """All commands by number, as the role reader."""
    from services.settlement.books.command_rows import read_commands
    from services.settlement.books.reader import books_reader

    with books_reader() as reader, reader.connect() as connection:
        yield read_commands(connection)


@app.command("list")
def list_all(
    kind: Annotated[list[str] | None, typer.Option(help="only of this kind; may be repeated")] = None,
    by: Annotated[str | None, typer.Option(help="only those that this login gave")] = None,
    limit: Annotated[int, typer.Option(help="the newest so many", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """Commands, the newest last. --json prints them as in the topic settlement.commands.v1.

    Examples: `koc commands list`, `koc commands list --kind clawback.written_off --json`
    """
    from services.kernel.time import format_to_second
    from services.settlement.domain.book.commands import CommandKind, command_message

    if unknown := sorted(set(kind or ()) - set(CommandKind)):
        raise typer.BadParameter(f"{unknown[0]} is no kind of command: {', '.join(CommandKind)}")
    with _commands() as every:
        found = [one for one in every if _is_wanted(one, kind, by)]
    shown = found[-limit:]
    if as_json:
        print(json.dumps([command_message(one) for one in shown]))
        return
    for one in shown:
        command = one.command
        when = format_to_second(command.at)
        print(f"{one.seq:>6}  {when}  {command.kind:20}  {command.by:18}  {command.id}  {command.reason}")
    rest = len(found) - len(shown)
    more = f", {rest:,} of them not shown: --limit shows more" if rest else ""
    print(f"{len(found):,} command{'' if len(found) == 1 else 's'}{more}")


def _is_wanted(recorded: "ChainedCommand", kinds: list[str] | None, by: str | None) -> bool:
    """Whether a command is of one of these kinds and of this login; None = of any."""
    command = recorded.command
    return (not kinds or command.kind in kinds) and (by is None or command.by == by)


@app.command()
def show(
    command_id: Annotated[str, typer.Argument(metavar="COMMAND", help="its id or its number")], as_json: AsJson = False
) -> None:
    """One command with all that it says. Exit 1 if there is none.

    Examples: `koc commands show 17`, `koc commands show goodwill-118 --json`
    """
    from services.settlement.domain.book.commands import command_message

    with _commands() as every:
        found = next((one for one in every if command_id in (one.command.id, str(one.seq))), None)
    if found is None:
        print(f"koc: no command is called {command_id}: `koc commands list` lists them", file=sys.stderr)
        sys.exit(1)
    message = command_message(found)
    if as_json:
        print(json.dumps(message))
        return
    for name, value in message.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        print(f"{name:10}  {text}")
