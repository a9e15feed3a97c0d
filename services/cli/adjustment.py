"""`koc adjustment`: entries that no rule makes, by two people."""

from typing import Annotated

import typer

from services.cli.decision import CommandId, DryRun, Reason, tell
from services.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Entries that no rule makes: one person proposes, another one approves.")


@app.command()
def propose(
    currency: Annotated[str, typer.Argument(metavar="CUR", help="of all legs: ISO 4217 code, such as CNY")],
    legs: Annotated[list[str], typer.Argument(metavar="ACCOUNT=AMOUNT...", help="debit positive, credit negative")],
    reason: Reason,
    command_id: CommandId = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Propose an entry. Nothing is booked before another person approves it.

    The legs add up to zero, each account is one of docs/finance.md, and no liability ends in debit.

    Example: `koc adjustment propose CNY platform:fee=6.30 koc:k_7:payable=-6.30 --reason "goodwill, case 118"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import adjustments

    read = adjustments.read_legs(legs, currency)
    with operator_books() as book:
        outcome = adjustments.propose(book, read, currency, reason, command_id, is_trial=dry_run)
    what = f"an entry of {len(read)} legs waits for `koc adjustment approve {outcome.command_id}` by somebody else"
    tell(outcome, command_id, what, as_json)


@app.command()
def approve(
    proposal: Annotated[str, typer.Argument(metavar="PROPOSAL", help="the proposal's command id")],
    reason: Reason,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Post an entry that somebody else proposed, as it was proposed.

    `koc commands show PROPOSAL` shows its legs.

    Example: `koc adjustment approve goodwill-118 --reason "seen, case 118"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import adjustments

    with operator_books("approver") as book:
        outcome = adjustments.approve(book, proposal, reason, command_id)
    tell(outcome, command_id, f"{proposal} is posted", as_json)
