"""`koc settlement`: the processes of the books, and their migrations."""

import os
from typing import Annotated

import typer

from services.cli.decision import CommandId, DryRun, Reason, tell
from services.cli.options import AsJson
from services.cli.output import say

app = typer.Typer(no_args_is_help=True, help="The poster, the relay and the migrations.")


@app.command()
def migrate() -> None:
    """Bring the database to the schema that this code needs. Runs as the owner role; repeated, it does nothing.

    Example: `koc settlement migrate`
    """
    from services.runtime.database import engine
    from services.settlement.books import migrations

    before, after = migrations.migrate(engine("owner"))
    print(f"schema at revision {after}" if before == after else f"migrated from {before or 'nothing'} to {after}")


@app.command()
def poster() -> None:
    """Post credit assertions and registry events to the books, until SIGTERM. Run as many as there are partitions.

    Example: `KOC_INSTANCE_ID=poster-1 koc settlement poster`
    """
    from services.settlement.posting import process

    process.run()


@app.command()
def relay() -> None:
    """Publish journal entries to the ledger topic, until SIGTERM. Of several, one is elected.

    Example: `KOC_INSTANCE_ID=relay-1 koc settlement relay`
    """
    from services.settlement.relay import process

    process.run()


LineName = Annotated[str, typer.Argument(metavar="LINE", help="ORDER/LINE/BUYER")]


@app.command()
def quarantine(line: LineName, reason: Reason, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Freeze an order line at what is booked: new assertions are kept and not booked.

    A line that the books have never seen is frozen at nothing when it comes.

    Example: `koc settlement quarantine o_1/1/b_1 --reason "two contents under one vector"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import lines

    with operator_books() as book:
        outcome = lines.quarantine(book, line, reason, command_id)
    unknown = f"the books do not know {line} yet: it will be frozen, at nothing, when it comes; is the name right?"
    tell(outcome, command_id, f"{line} is frozen at what is booked" if outcome.result["is_known"] else unknown, as_json)


@app.command()
def release(line: LineName, reason: Reason, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Let a frozen order line go: it is booked at what its newest assertion is worth.

    Who owns the order line is decided again where several buyers claim it.

    Example: `koc settlement release o_1/1/b_1 --reason "the backend confirmed the time of payment"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import lines

    with operator_books() as book:
        outcome = lines.release(book, line, reason, command_id)
    tell(outcome, command_id, f"{line} is booked at what it is worth", as_json)


@app.command()
def rerate(
    scope: Annotated[str, typer.Argument(metavar="SCOPE", help="ORDER/LINE/BUYER, or ORDER for all its lines")],
    reason: Reason,
    command_id: CommandId = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Price settled lines by the registry of now, and book the difference.

    The first settlement freezes the plans, relations and house settings that price a line. This gives it newer ones.
    What is settled stays: a lower worth is claimed back, and a higher one waits for the next run, which decides tiers
    and budgets anew. Lines that no run has settled are left out.

    Example: `koc settlement rerate o_1/1/b_1 --reason "the plan was published with a wrong rate"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.commands import rerating

    with operator_books() as book:
        outcome = rerating.rerate(book, scope, reason, command_id, is_trial=dry_run)
    result = outcome.result
    sentence = f"settled lines priced by the registry of now: {result['rerated']}, left out: {result['left_out']}"
    tell(outcome, command_id, sentence, as_json)


@app.command()
def run(
    as_of: Annotated[
        str | None,
        typer.Option(
            help="settle what is due by then: RFC 3339, or `today` for its first moment; default: now",
            metavar="MOMENT",
        ),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--id", help="the run's name; default: run-MOMENT", metavar="ID")
    ] = None,
    reason: Annotated[str, typer.Option(help="why, for whoever reads the commands later")] = "by hand",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="plan, print and store nothing")] = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait for the books to know what happened", min=1)] = 300,
    as_json: AsJson = False,
) -> None:
    """Settle what is due: pending money of received lines becomes payable, debts are netted, brands are billed.

    It waits until attribution and the books know all that is published now, plans in one snapshot, and applies the plan
    beside running posters. The same id again gives the first result. A run that another process left is finished first.
    `today` is the last midnight of the settlement zone: whatever repeats the command on that day asks for one run.

    Examples: `koc settlement run`, `koc settlement run --as-of today --reason weekly`,
    `koc settlement run --as-of 2026-12-01T00:00:00+08:00 --dry-run --json`
    """
    from services.cli.moments import moment_or_now
    from services.cli.run_page import print_run
    from services.operations.settle.settle import NICER_THAN_POSTERS, draft_of, settle, try_out
    from services.runtime import garbage
    from services.runtime.log import log_on_stderr
    from services.settlement.books.run_store import run_store

    moment = moment_or_now(as_of)
    draft = draft_of(moment, run_id, reason)
    garbage.settle()
    os.nice(NICER_THAN_POSTERS)
    log_on_stderr()
    with run_store() as store:
        if dry_run:
            print_run(try_out(store, draft, moment, timeout, say), "planned, not stored", as_json=as_json)
        else:
            settled, is_new = settle(store, draft, moment, timeout, say)
            print_run(settled, "done" if is_new else "done before", as_json=as_json)
