"""`koc traffic`: paid traffic that we buy ahead."""

from typing import Annotated

import typer

from services.cli.decision import AmountArgument, CommandId, CurrencyCode, DryRun, Reason, tell
from services.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Paid traffic that we buy ahead.")


@app.callback()
def about() -> None:
    """Paid traffic that we buy ahead."""


@app.command()
def bought(
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="as contents name it, such as douyin")],
    amount: AmountArgument,
    currency: CurrencyCode,
    reason: Reason,
    command_id: CommandId = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Record that our bank has paid a platform for traffic, which contents then use up.

    Example: `koc traffic bought douyin 5000.00 CNY --reason "invoice 2026-118"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import payments
    from services.settlement.commands.drafts import Money, read_money

    money = read_money(amount, currency)
    with operator_books() as book:
        outcome = payments.record_traffic_bought(book, platform, money, reason, command_id, is_trial=dry_run)
    stock = Money(int(str(outcome.result["prepaid_minor"])), currency)
    tell(outcome, command_id, f"traffic for {money} is bought on {platform}, {stock} are prepaid now", as_json)
