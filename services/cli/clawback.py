"""`koc clawback`: what parties owe back, given up or repaid."""

from typing import Annotated

import typer

from services.cli.decision import AmountArgument, CommandId, CurrencyCode, DryRun, Reason, tell
from services.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="What parties owe back: give it up, or record that it was repaid.")

PartyArgument = Annotated[str, typer.Argument(metavar="PARTY", help="ROLE:ID, such as koc:k_7")]


@app.command("write-off")
def write_off(
    party: PartyArgument,
    amount: AmountArgument,
    currency: CurrencyCode,
    reason: Reason,
    command_id: CommandId = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give up a part of what a party owes back. It cannot be more than the party owes.

    `koc ledger clawbacks` lists who owes how much, and for how long.

    Example: `koc clawback write-off koc:k_7 6.30 CNY --reason "left in March, cannot be reached"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import clawbacks
    from services.settlement.commands.drafts import Money, read_money

    money = read_money(amount, currency)
    with operator_books() as book:
        outcome = clawbacks.write_off(book, party, money, reason, command_id, is_trial=dry_run)
    left = Money(int(str(outcome.result["owed_minor"])), currency)
    tell(outcome, command_id, f"{money} of {party} are written off, and it still owes {left}", as_json)


@app.command()
def repaid(
    party: PartyArgument,
    amount: AmountArgument,
    currency: CurrencyCode,
    reason: Reason,
    command_id: CommandId = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Record that a party has paid to our bank what it owes back.

    It cannot be more than the party owes, what was written off included.

    Example: `koc clawback repaid koc:k_7 6.30 CNY --reason "bank statement 2026-12-03, line 4"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import clawbacks
    from services.settlement.commands.drafts import Money, read_money

    money = read_money(amount, currency)
    with operator_books() as book:
        outcome = clawbacks.repay(book, party, money, reason, command_id, is_trial=dry_run)
    left = Money(int(str(outcome.result["owed_minor"])), currency)
    tell(outcome, command_id, f"{party} has repaid {money}, and it still owes {left}", as_json)
