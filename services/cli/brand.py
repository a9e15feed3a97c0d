"""`koc brand`: what brands have paid us."""

from typing import Annotated

import typer

from services.cli.decision import AmountArgument, CommandId, CurrencyCode, DryRun, Reason, tell
from services.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="What brands have paid us.")


@app.callback()
def about() -> None:
    """What brands have paid us."""


@app.command()
def paid(
    brand: Annotated[str, typer.Argument(metavar="BRAND", help="the brand_id")],
    amount: AmountArgument,
    currency: CurrencyCode,
    reason: Reason,
    command_id: CommandId = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Record that a brand has paid to our bank. What is over its bills is prepaid.

    Example: `koc brand paid br_2 30.00 CNY --reason "bank statement 2026-12-03, line 9"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import payments
    from services.settlement.commands.drafts import Money, read_money

    money = read_money(amount, currency)
    with operator_books() as book:
        outcome = payments.record_brand_payment(book, brand, money, reason, command_id, is_trial=dry_run)
    owed = int(str(outcome.result["receivable_minor"]))
    state = f"it still owes {Money(owed, currency)}" if owed >= 0 else f"{Money(-owed, currency)} are prepaid"
    tell(outcome, command_id, f"brand {brand} has paid {money}, and {state}", as_json)
