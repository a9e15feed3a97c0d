"""koc demo: the whole path once, with its proof."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def demo(
    orders: Annotated[int, typer.Option(help="orders of the generated shop week", min=100, max=200_000)] = 6_000,
    folder: Annotated[
        Path | None, typer.Option(help="where its stack lives; wiped at the start [default: .local/demo]")
    ] = None,
) -> None:
    """Real events in, a proven ledger out: starts a stack of its own, publishes, waits, shows, stops.

    Its data stays. To look further:  export KOC_LOCAL_DIR=.local/demo; koc local up; koc ledger balances

    Example: koc demo --orders 20000
    """
    from services.demo.run import demo as run
    from services.runtime.settings import local_dir

    place = (folder or local_dir() / "demo").absolute()
    right = run(place, orders, lambda line: print(line, flush=True))
    print("\nWhere to look next: its data stays, and comes up again with")
    print(f"  export KOC_LOCAL_DIR={place}; koc local up       (koc is .venv/bin/koc)")
    print("  koc ledger balances; koc ledger export --format hledger; koc dlq list; koc local status")
    if not right:
        print("koc demo: something did not come out right, see above")
        raise typer.Exit(1)
