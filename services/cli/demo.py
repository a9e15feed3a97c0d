"""koc demo: the whole path once, with its proof; and a shop that goes on, for dashboards."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import say

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    orders: Annotated[int, typer.Option(help="orders of the generated shop week", min=100, max=200_000)] = 6_000,
    folder: Annotated[
        Path | None, typer.Option(help="where its stack lives; wiped at the start [default: .local/demo]")
    ] = None,
) -> None:
    """Real events in, a proven ledger out: starts a stack of its own, publishes, waits, shows, stops.

    Its data stays. To look further:  export KOC_LOCAL_DIR=.local/demo; koc local up; koc ledger balances

    Example: koc demo --orders 20000
    """
    if context.invoked_subcommand:
        return
    from services.demo.run import demo as run
    from services.runtime.settings import local_dir

    place = (folder or local_dir() / "demo").absolute()
    right = run(place, orders, lambda line: print(line, flush=True))
    print("\nWhere to look next: its data stays, and comes up again with")
    print(f"  export KOC_LOCAL_DIR={place}; koc local up       (koc is .venv/bin/koc)")
    print("  koc console          in a browser: look for order o_349, or KOC k_14; `koc local logins` lets you act")
    print("  koc ledger balances; koc ledger export --format hledger; koc dlq list; koc local status")
    if not right:
        print("koc demo: something did not come out right, see above")
        raise typer.Exit(1)


@app.command()
def traffic(
    minutes: Annotated[int, typer.Option(help="how long it goes on", min=1, max=24 * 60)] = 60,
    orders_per_minute: Annotated[int, typer.Option(help="on average", min=1, max=6_000)] = 120,
) -> None:
    """Publish a shop's events as they happen, for whoever looks at dashboards; ends with 0 at SIGTERM or Ctrl-C.

    It publishes to the broker of KOC_KAFKA_BOOTSTRAP or of the running local stack: never where real events are.
    Receipts and refunds follow in minutes instead of days, and plans have no return window: `koc settlement run` has
    something to settle after three minutes. Some events come twice, and a few are broken.

    Example: koc demo traffic --minutes 15 --orders-per-minute 600
    """
    from services.demo.traffic import traffic as publish_traffic

    stop = threading.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: stop.set())
    published = publish_traffic(minutes, orders_per_minute, stop, say)
    print(f"{published:,} events published; `koc drain` waits until they are in the ledger")
