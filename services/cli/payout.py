"""`koc payout`: money for parties, proposed by one person and approved by another one."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from services.cli import payment_files
from services.cli.decision import CommandId, Reason, tell
from services.cli.options import AsJson
from services.cli.output import say

app = typer.Typer(no_args_is_help=True, help="Pay parties: one person proposes, another one approves.")

BatchName = Annotated[str, typer.Argument(metavar="BATCH", help="the batch's id, as `koc payout list` names it")]


@app.command()
def propose(
    as_of: Annotated[
        str | None, typer.Option(help="pay by house settings and reserves of then, RFC 3339 or `today`; default: now")
    ] = None,
    batch_id: Annotated[
        str | None, typer.Option("--id", help="the batch's name; default: payout-MOMENT", metavar="ID")
    ] = None,
    reason: Annotated[str, typer.Option(help="why, for whoever reads the commands later")] = "by hand",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="plan, print and store nothing")] = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait for the books to know what happened", min=1)] = 300,
    as_json: AsJson = False,
) -> None:
    """Propose a payout for each party: all that is payable to it, after its debts and what is held.

    It waits as `koc settlement run` does, and finishes a run that was left. The money leaves the parties' accounts at
    once, so nothing is ever in two payouts. The same id again gives the first result.

    Examples: `koc payout propose`, `koc payout propose --id december --dry-run --json`
    """
    from services.cli.moments import moment_or_now
    from services.cli.payout_page import print_batch, print_plan
    from services.operations.settle.propose import proposal_draft, try_proposal
    from services.operations.settle.propose import propose as propose_payouts
    from services.runtime import garbage
    from services.settlement.books.payout_store import payout_store

    moment = moment_or_now(as_of)
    draft = proposal_draft(moment, batch_id, reason)
    garbage.settle()
    with payout_store() as store:
        if dry_run:
            print_plan(try_proposal(store, draft, moment, timeout, say), draft.id, moment, as_json=as_json)
        else:
            batch, is_new = propose_payouts(store, draft, moment, timeout, say)
            print_batch(batch, "proposed" if is_new else "proposed before", as_json=as_json)


@app.command()
def approve(batch: BatchName, reason: Reason, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Approve a batch that somebody else proposed. Only then it can be exported.

    It takes the login of KOC_DATABASE_APPROVER_URL, if that is set. `koc payout show BATCH` shows what is paid.

    Example: `koc payout approve december --reason "sums agree with the run"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.payouts import approve as approving

    with operator_books("approver") as book:
        outcome = approving.approve(book, batch, reason, command_id)
    tell(outcome, command_id, f"{batch} is approved, {_paid(outcome.result)}", as_json)


@app.command()
def cancel(
    batch: BatchName,
    reason: Reason,
    payout: Annotated[str | None, typer.Option(help="only this payout of the batch", metavar="ID")] = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a batch, or one payout of it, before it is exported: the money is payable again.

    Examples: `koc payout cancel december --reason "wrong month"`,
    `koc payout cancel december --payout GQZDGNBVGY3TQOJQGEZDGNBVGY --reason "the party asked us to wait"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.payouts import cancel as cancelling

    with operator_books() as book:
        outcome = cancelling.cancel(book, batch, payout, reason, command_id)
    tell(outcome, command_id, f"cancelled and payable again: {_paid(outcome.result)}", as_json)


@app.command()
def release(
    payout: Annotated[str, typer.Argument(metavar="PAYOUT", help="the payout's id")],
    reason: Reason,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let go of money that is held because a payout was rejected or returned.

    The next proposal pays it in a new payout; the old id is never paid. A newer payee.set of the party does the same.

    Example: `koc payout release GQZDGNBVGY3TQOJQGEZDGNBVGY --reason "the bank took the account wrongly for closed"`
    """
    from services.settlement.books.command_transaction import operator_books
    from services.settlement.payouts import release as releasing

    with operator_books() as book:
        outcome = releasing.release(book, payout, reason, command_id)
    tell(outcome, command_id, f"released, to be paid anew: {_paid(outcome.result)}", as_json)


@app.command("list")
def list_all(
    status: Annotated[str | None, typer.Option(help="only those that are proposed, approved or cancelled")] = None,
    as_json: AsJson = False,
) -> None:
    """Batches of payouts, the newest last, and how far the payouts of each are.

    Examples: `koc payout list`, `koc payout list --status proposed --json`
    """
    from services.cli.payout_page import batch_body, print_list
    from services.settlement.books.payout_reads import list_batches
    from services.settlement.books.reader import books_reader

    if status not in (None, "proposed", "approved", "cancelled"):
        raise typer.BadParameter(f"{status} is no status of a batch: proposed, approved, cancelled")
    with books_reader() as reader, reader.connect() as connection:
        found = [one for one in list_batches(connection) if status in (None, one[0].status)]
    if as_json:
        states = [[state._asdict() for state in some] for _, some in found]
        bodies = [batch_body(batch, batch.status) for batch, _ in found]
        print(json.dumps([{**body, "states": some} for body, some in zip(bodies, states, strict=True)]))
    else:
        print_list(found)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="BATCH_OR_PAYOUT", help="the id of a batch or of a payout")],
    as_json: AsJson = False,
) -> None:
    """A batch with its nets, its payouts and who gets none; or a payout with the entries that it covers.

    Exit 1 if there is neither of this name.

    Examples: `koc payout show december`, `koc payout show GQZDGNBVGY3TQOJQGEZDGNBVGY --json`
    """
    from services.cli.payout_page import print_payout, print_whole_batch
    from services.settlement.books import payout_reads as reads
    from services.settlement.books.reader import books_reader

    with books_reader() as reader, reader.connect() as connection:
        if batch := reads.find_batch(connection, name):
            nets, payouts = reads.nets_of(connection, name), reads.payouts_of(connection, name)
            print_whole_batch(batch, nets, payouts, as_json=as_json)
        elif payout := reads.find_payout(connection, name):
            print_payout(payout, list(reads.covered_legs(connection, payout)), as_json=as_json)
        else:
            print(f"koc: no batch or payout is called {name}: `koc payout list` lists the batches", file=sys.stderr)
            sys.exit(1)


def _paid(result: Mapping[str, Any]) -> str:
    """How many payouts, and their money, as a command's result says."""
    from services.cli.payout_page import sums_text

    return sums_text(result["payouts"], result["amounts"])


app.add_typer(payment_files.app)
