"""`koc period`: close months, reopen the last one by two people, and look at what is closed."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.decision import CommandId, DryRun, Reason, tell
from services.cli.options import AsJson
from services.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.settlement.domain.book.periods import PeriodClose
    from services.settlement.periods.view import KindTotal, PeriodView

app = typer.Typer(no_args_is_help=True, help="Months: close them under a seal, reopen the last one, look at them.")
Month = Annotated[str, typer.Argument(metavar="PERIOD", help="YYYY-MM, in the settlement time zone")]
_SHOWN_DIGITS = 16


@app.command()
def close(
    period: Annotated[
        str, typer.Argument(metavar="PERIOD", help="YYYY-MM, in the settlement time zone; `last`: which ended last")
    ],
    reason: Annotated[str, typer.Option(help="why, for whoever reads the commands later")] = "month end",
    command_id: CommandId = None,
    dry_run: DryRun = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait for the books to know what happened", min=1)] = 300,
    as_json: AsJson = False,
) -> None:
    """Close a month that has ended: from then on its entries do not change, and a seal proves it.

    Months close in order. It waits until the books know all that is published now, and finishes a run that was left.
    What comes later for a closed month is an entry of the oldest open one. The same month again gives the first result.

    Examples: `koc period close 2026-10`, `koc period close last`, `koc period close 2026-10 --dry-run --json`
    """
    from services.cli.moments import month_or_last
    from services.operations.settle.closing import close_month, try_close
    from services.runtime import garbage
    from services.runtime.log import log_on_stderr
    from services.settlement.books.closing_transaction import CLOSING_SESSION
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.books.run_store import run_store
    from services.settlement.periods.close import closing_draft

    period = month_or_last(period)
    garbage.settle()
    log_on_stderr()
    with operator_books(session=CLOSING_SESSION) as book, run_store() as store:
        draft = closing_draft(book, period, reason, command_id)
        if dry_run:
            outcome = try_close(book, draft, period, timeout, say)
        else:
            outcome = close_month(store, book, draft, period, timeout, say)
    result = outcome.result
    seal = str(result["seal"])[:_SHOWN_DIGITS]
    sentence = f"{period} is closed, revision {result['revision']}, seal {seal}"
    tell(outcome, outcome.command_id, sentence, as_json)


@app.command()
def reopen(
    period: Month, reason: Reason, command_id: CommandId = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Propose to open the last closed month again. It stays closed until another person approves.

    Example: `koc period reopen 2026-10 --reason "the bank's fees of October were missing"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.periods.reopen import propose_reopening

    with operator_books() as book:
        outcome = propose_reopening(book, period, reason, command_id, is_trial=dry_run)
    what = f"{period} stays closed until somebody else gives `koc period approve {outcome.command_id}`"
    tell(outcome, outcome.command_id, what, as_json)


@app.command()
def approve(
    proposal: Annotated[str, typer.Argument(metavar="PROPOSAL", help="the proposal's command id")],
    reason: Reason,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Open a month again that somebody else proposed to reopen. Its next close is a new revision.

    The seal of the revision that was closed stays as it is, and so do its statements.

    Example: `koc period approve period-reopen-proposed-2026-10-1 --reason "seen, case 118"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.periods.reopen import approve_reopening

    with operator_books() as book:
        outcome = approve_reopening(book, proposal, reason, command_id)
    tell(outcome, command_id, f"{proposal} is approved: the month is open again", as_json)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Every close, the newest last. --json prints them all as one list.

    Examples: `koc period list`, `koc period list --json`
    """
    from services.settlement.books.period_rows import read_closes
    from services.settlement.books.reader import books_reader

    with books_reader() as reader, reader.connect() as connection:
        closes = read_closes(connection)
    if as_json:
        print(json.dumps([_close_body(close) for close in closes]))
        return
    _print_closes(closes)


@app.command()
def show(
    period: Month,
    revision: Annotated[int | None, typer.Option(help="default: the newest one", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """One close: its cut and seal, what the month adds up to by kind of account, who closed it, and its statements.

    Exit 1 if there is no such close. Amounts: debit positive, credit negative; --json gives minor units.

    Examples: `koc period show 2026-10`, `koc period show 2026-10 --revision 1 --json`
    """
    from services.settlement.books.reader import books_reader
    from services.settlement.periods.view import view_close

    with books_reader() as reader, reader.connect() as connection:
        found = view_close(connection, period, revision)
    if found is None:
        which = period if revision is None else f"{period} revision {revision}"
        print(f"koc: {which} was never closed: `koc period list` lists what was", file=sys.stderr)
        sys.exit(1)
    if as_json:
        sums = [one._asdict() for one in found.sums]
        print(json.dumps(_close_body(found.close) | {"statements": found.statements, "sums": sums}))
        return
    _print_close(found)


def _close_body(close: "PeriodClose") -> dict[str, Any]:
    """A close as JSON."""
    from services.kernel.time import format_rfc3339

    hashes = {name: value.hex() if isinstance(value, bytes) else value for name, value in close._asdict().items()}
    reopened_at = None if close.reopened_at is None else format_rfc3339(close.reopened_at)
    return hashes | {
        "cut": list(close.cut), "offsets": list(close.offsets), "closed_at": format_rfc3339(close.closed_at),
        "reopened_at": reopened_at,
    }  # fmt: skip


def _print_closes(closes: "Iterable[PeriodClose]") -> None:
    """A row a close."""
    from services.kernel.time import format_to_second

    for close in closes:
        undone = "" if close.reopened_at is None else f"  reopened {format_to_second(close.reopened_at)}"
        when = format_to_second(close.closed_at)
        seal = close.seal.hex()[:_SHOWN_DIGITS]
        print(f"{close.period}  revision {close.revision}  {when}  {close.closed_by:18}  seal {seal}{undone}")


def _print_close(found: "PeriodView") -> None:
    """A close for a person."""
    from services.kernel.time import format_to_second

    close = found.close
    print(f"{close.name}: closed by {close.closed_by} at {format_to_second(close.closed_at)}, command {close.command}")
    if close.reopened_at is not None:
        print(f"  reopened by {close.reopened_by} at {format_to_second(close.reopened_at)}")
    print(f"  seal       {close.seal.hex()}")
    print(f"  after      {close.previous_seal.hex()}")
    print(f"  cut        {', '.join(f'{writer}-{seq}' for writer, seq in enumerate(close.cut) if seq) or 'no rows'}")
    root = "still to be made" if close.root is None else f"{found.statements:,}, root {close.root.hex()}"
    print(f"  statements {root}")
    _print_sums(found.sums)


def _print_sums(sums: "Iterable[KindTotal]") -> None:
    """A row a kind of account and currency."""
    from rich.console import Console
    from rich.table import Table

    from services.settlement.domain.book.currencies import decimal_text

    table = Table("kind of account", "nature", "currency", box=None, pad_edge=False)
    table.add_column("accounts", justify="right")
    table.add_column("amount", justify="right")
    for one in sums:
        amount = decimal_text(one.amount_minor, one.currency)
        table.add_row(one.kind, one.nature, one.currency, f"{one.accounts:,}", amount)
    Console(soft_wrap=True).print(table)
