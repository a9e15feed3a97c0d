"""`koc payee`: names and account numbers that only the payer sees. No output ever shows one."""

import json
from pathlib import Path
from typing import Annotated

import typer

from services.cli.decision import DryRun
from services.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Where parties are paid: names and account numbers for the payer alone.")


@app.callback()
def about() -> None:
    """Where parties are paid. The address of the payer's login is KOC_DATABASE_PAYER_URL."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="columns ref, rail, name, account, bank")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import a payee file: all of its rows or none. A row that is known already changes nothing.

    Example: `koc payee import payees.csv --dry-run`
    """
    from services.settlement.books.payee_rows import payer_engine
    from services.settlement.payment_files.import_payees import import_payees
    from services.settlement.payment_files.input_file import read_input
    from services.settlement.payment_files.payee_file import read_payees

    payees = read_payees(read_input(file))
    with payer_engine() as payer:
        outcome = import_payees(payer, payees, is_trial=dry_run)
    if as_json:
        print(json.dumps(outcome._asdict() | {"dry_run": dry_run}))
        return
    verb = "would be added" if dry_run else "added"
    print(f"{outcome.added:,} payees {verb}, {outcome.known:,} known before")


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Refs and rails of all payees. Names and account numbers are never shown."""
    from services.settlement.books.payee_rows import list_payees, payer_engine

    with payer_engine() as payer, payer.connect() as connection:
        payees = list_payees(connection)
    if as_json:
        print(json.dumps([{"ref": ref, "rail": rail} for ref, rail in payees]))
        return
    for ref, rail in payees:
        print(f"{rail:8}  {ref}")
    print(f"{len(payees):,} payees")
