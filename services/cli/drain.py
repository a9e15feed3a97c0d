"""`koc drain`: wait until all that was published has reached the ledger topic."""

import json
import sys
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def drain(
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="When to give up.")] = 300,
    as_json: Annotated[
        bool, typer.Option("--json", help="An object: drained, seconds, behind (what, partition, missing).")
    ] = False,
) -> None:
    """Wait until all that was published has reached the ledger topic; exit 1 if it has not within the time.

    Decided by offsets: attribution has read clicks and orders to their ends, the books have read registry and credits,
    no line waits to be priced again, and the relay has published every entry. On a terminal it says what it waits for.

    Examples: koc drain · koc drain --timeout 60 --json
    """
    from services.operations.drain.drain import NotDrained
    from services.operations.drain.positions import wait_until_drained
    from services.runtime.log import log_on_stderr

    def progress(line: str) -> None:
        if sys.stderr.isatty():
            print(f"waiting: {line}", file=sys.stderr, flush=True)

    log_on_stderr()
    try:
        seconds = wait_until_drained(timeout, progress)
    except NotDrained as problem:
        behind = [one._asdict() for one in problem.behind]
        print(json.dumps({"drained": False, "seconds": timeout, "behind": behind}) if as_json else f"koc: {problem}")
        sys.exit(1)
    answer = {"drained": True, "seconds": round(seconds, 3), "behind": []}
    print(json.dumps(answer) if as_json else f"drained in {seconds:.1f} s")
