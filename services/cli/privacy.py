"""`koc privacy`: cut the link of a buyer to order lines."""

import sys
from typing import Annotated

import typer

from services.cli.decision import CommandId, DryRun, Reason, tell
from services.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Buyers: cut the link of one to order lines.")

FROM_INPUT = "-"


@app.callback()
def group() -> None:
    """Let the group have its one command."""


@app.command()
def sever(
    buyer: Annotated[
        str, typer.Argument(metavar="BUYER", help="buyer_id; - reads it from standard input, so no shell keeps it")
    ],
    reason: Reason,
    command_id: CommandId = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Cut the link of a buyer to all order lines in the books. No amount changes.

    A surrogate by chance takes the buyer's place. Later refunds still find their line. The record does not name the
    buyer. docs/privacy.md says where else the id lies, and how long. Give it after `koc drain`.

    Example: `koc privacy sever - --reason "request 118" < buyer.txt`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands.severing import SEVERING_SESSION
    from services.settlement.commands.severing import sever as sever_buyer

    buyer_id = sys.stdin.readline().strip() if buyer == FROM_INPUT else buyer
    with operator_books(session=SEVERING_SESSION) as book:
        outcome = sever_buyer(book, buyer_id, reason, command_id, is_trial=dry_run)
    lines: object = outcome.result["lines"]
    count = len(lines) if isinstance(lines, list) else 0
    tell(outcome, command_id, f"order lines that name the buyer no more: {count}", as_json)
