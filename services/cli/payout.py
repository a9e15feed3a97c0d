"""`koc payout`: parties' money on its way."""

import typer

from services.cli import payment_files

app = typer.Typer(no_args_is_help=True, help="Payouts: propose, approve, export to banks, take their replies.")
app.add_typer(payment_files.app)


@app.callback()
def about() -> None:
    """Payouts: what parties are paid, and what banks say of it."""
