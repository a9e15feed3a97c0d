"""`koc statement`: statements and bills of closed months, as files, and their proof."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import AsJson
from services.settlement.statements.forms import StatementForm

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.settlement.books.statement_facts import ClosedPeriod

app = typer.Typer(no_args_is_help=True, help="Statements and bills of closed months, and their proof.")

PeriodOption = Annotated[str, typer.Option(help="the closed month", metavar="YYYY-MM")]
RevisionOption = Annotated[int | None, typer.Option(help="of the close; default: the latest", min=1)]
CurrencyOption = Annotated[str | None, typer.Option(help="only in this currency", metavar="CUR")]
PartyOption = Annotated[
    str | None, typer.Option(help="koc:k_7, brand:br_2 (its bill), or platform (our own)", metavar="PARTY")
]


@app.command("list")
def list_all(
    period: PeriodOption,
    revision: RevisionOption = None,
    party: PartyOption = None,
    currency: CurrencyOption = None,
    as_json: AsJson = False,
) -> None:
    """The statements of a closed month: number, party, currency, sha256.

    --json prints a list of `seq`, `party`, `currency`, `sha256`.

    Examples: `koc statement list --period 2026-11`, `koc statement list --period 2026-11 --party koc:k_7 --json`
    """
    from services.settlement.books.statement_rows import StatementChoice, list_statements

    with _closed(period, revision) as (connection, close):
        found = list(list_statements(connection, StatementChoice(close.period, close.revision, party, currency)))
    if as_json:
        print(json.dumps([{**one._asdict(), "sha256": one.sha256.hex()} for one in found]))
        return
    for one in found:
        print(f"{one.seq:>8}  {one.party:32}  {one.currency}  {one.sha256.hex()}")
    print(f"{len(found):,} statement{'' if len(found) == 1 else 's'} of {period} revision {close.revision}")


@app.command()
def root(period: PeriodOption, revision: RevisionOption = None, as_json: AsJson = False) -> None:
    """The Merkle root over all statements of a closed month; give it to everyone who shall check a statement.

    Examples: `koc statement root --period 2026-11`, `koc statement root --period 2026-11 --revision 1 --json`
    """
    with _closed(period, revision) as (_, close):
        sealed = (close.root or b"").hex()
    if as_json:
        print(json.dumps({"period": period, "revision": close.revision, "root": sealed, "seal": close.seal.hex()}))
    else:
        print(sealed)


@app.command()
def write(
    period: PeriodOption,
    form: Annotated[StatementForm, typer.Option(help="json can be checked; csv, xlsx and pdf are made from it")],
    party: PartyOption = None,
    all_parties: Annotated[bool, typer.Option("--all", help="of every party, brands and ours included")] = False,
    revision: RevisionOption = None,
    currency: CurrencyOption = None,
    output: Annotated[Path, typer.Option(help="a folder; it is made if need be", metavar="DIR")] = Path(),
) -> None:
    """Write statements of a closed month, a file each: the same bytes whenever they are written.

    Exit 1 if there is no such statement.

    Examples: `koc statement write --party koc:k_7 --period 2026-11 --form pdf`,
    `koc statement write --all --period 2026-11 --form json --output statements`
    """
    from services.settlement.books.statement_rows import StatementChoice, count_statements, read_statements
    from services.settlement.statements.write_files import write_files

    if (party is None) != all_parties:
        raise typer.BadParameter("name a --party, or say --all")
    with _closed(period, revision) as (connection, close):
        choice = StatementChoice(close.period, close.revision, party, currency)
        count = count_statements(connection, choice)
        with _progress(count) as tell:
            files = write_files(read_statements(connection, choice), form, output, tell)
    if not count:
        print(f"koc: {period} revision {close.revision} has no statement of {party}", file=sys.stderr)
        sys.exit(1)
    print(files[0] if count == 1 else f"{count:,} statements in {output}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="a statement as JSON, as its party got it")],
    root: Annotated[str, typer.Option("--root", metavar="HEX", help="of the close, from a source that you trust")],
) -> None:
    """Check that a statement is what was sealed with its month. Needs no database. Exit 1 if it is not.

    Example: `koc statement verify statement-2026-11-r1-koc.k_7-CNY.json --root 6a…`
    """
    from services.settlement.domain.statements.statement import proof_problem
    from services.settlement.statements.read_file import read_root, read_statement_file

    message = read_statement_file(file)
    if problem := proof_problem(message, read_root(root)):
        print(f"{file} is not what was sealed: {problem}")
        sys.exit(1)
    whose = f"{message['party']} in {message['currency']}"
    print(f"{file} is as it was sealed: {message['period']} revision {message['revision']} of {whose}")


@contextmanager
def _closed(period: str, revision: int | None) -> Iterator[tuple["Connection", "ClosedPeriod"]]:
    """A connection of the role reader, and a close whose statements are all there."""
    from services.kernel.errors import InputRefused
    from services.settlement.books.reader import books_reader
    from services.settlement.books.statement_store import find_close

    with books_reader() as reader, reader.connect() as connection:
        close = find_close(connection, period, revision)
        if close is None:
            wanted = f"{period} has no revision {revision}" if revision else f"{period} is not closed"
            raise InputRefused(f"{wanted}: `koc period list` names what is closed")
        if close.root is None:
            raise InputRefused(
                f"the statements of {period} revision {close.revision} are not all made: give the same "
                f"`koc period close` again, it goes on where it is"
            )
        yield connection, close


@contextmanager
def _progress(count: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error where that is a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("statements", total=count)
        yield lambda: bars.advance(task)
