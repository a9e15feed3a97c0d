"""`koc console`: pages for finance and support."""

from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def console(
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Where it listens; another address than loopback needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0 = any that is free.")] = 8700,
) -> None:
    """Serve pages in a browser: why an order earns what it earns, what a party will be paid, what needs people.

    Reading needs nothing on this machine. If KOC_CONSOLE_TOKEN is set, a reader must show it once. Whoever approves
    payouts or sends refused events again signs in with a personal login of the database; on the local stack these are
    koc_operator_local, koc_approver_local and koc_payer_local (`koc local logins` shows their passwords).

    Exit 78 if another machine could reach it and no token is set. docs/console.md says more.

    Examples: koc console · koc console --port 9000 · KOC_CONSOLE_TOKEN=… koc console --host 0.0.0.0
    """
    from services.console.server import serve

    serve(host, port, lambda address: print(f"the console is at {address}", flush=True))
