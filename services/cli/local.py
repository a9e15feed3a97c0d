"""`koc local`: the whole service on this machine, without Docker."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.runtime.settings import local_dir

if TYPE_CHECKING:
    from services.runtime.local.stack import Stack

app = typer.Typer(no_args_is_help=True, add_completion=False)


def _stack(workers: int = 1) -> "Stack":
    """The stack in KOC_LOCAL_DIR, else in the repository's .local/."""
    from services.runtime.local.stack import Stack

    return Stack(local_dir(), workers=workers)


@app.command()
def up(
    workers: Annotated[int, typer.Option(min=1, max=12, help="How many attribution workers.")] = 1,
    no_workers: Annotated[
        bool, typer.Option("--no-workers", help="Only Kafka, PostgreSQL, topics and tables.")
    ] = False,
) -> None:
    """Start Kafka and PostgreSQL, make topics and tables, start the workers.

    Needs Java 17+, and Maven the first time. Listens on 127.0.0.1 only, on free ports that are kept for the next start.
    Data lies in .local/ (or KOC_LOCAL_DIR) and survives `koc local down`. All processes belong to one supervisor, which
    starts a crashed one again.

    Examples: koc local up · koc local up --workers 2 · KOC_LOCAL_DIR=/tmp/other koc local up --no-workers
    """
    stack = _stack(0 if no_workers else workers)
    if not stack.up(progress=lambda line: print(line, flush=True)):
        print("it runs already")
    stack.release()
    _show(stack)
    if any(process["state"] == "refused" for process in stack.processes()):
        sys.exit(1)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """What runs, where it listens and why something does not; exit 1 if the stack is down.

    Examples: koc local status · koc local status --json
    """
    stack = _stack()
    if as_json:
        print(json.dumps({"running": stack.running, "processes": _processes(stack), "settings": _public(stack)}))
    else:
        _show(stack)
    sys.exit(0 if stack.running else 1)


@app.command()
def logins(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """The personal logins of this stack with their passwords: to sign in to `koc console`.

    They are made for this stack alone. Only who may read its files can print them.

    Examples: koc local logins · koc local logins --json
    """
    from sqlalchemy import make_url

    stack = _stack()
    if not stack.running:
        print(f"no stack runs in {stack.layout.folder}; start it with: koc local up")
        sys.exit(1)
    known = stack.settings()
    addresses = [make_url(known[f"database_{role}_url"]) for role in ("operator", "approver", "payer")]
    if as_json:
        print(json.dumps([{"name": one.username, "password": one.password} for one in addresses]))
        return
    for one in addresses:
        print(f"{one.username}  {one.password}")


@app.command()
def down() -> None:
    """Stop everything, also what a crashed stack left behind. Data stays.

    Example: koc local down
    """
    print("stopped" if _stack().down() else "nothing runs")


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop everything and remove all data: topics, tables, workers' state, logs.

    Asks only on a terminal. Kafka's jars stay, so that the next start is quick.

    Example: koc local reset --yes
    """
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Remove all data of the stack in {local_dir()}?", abort=True)
    _stack().reset()
    print("removed")


def _processes(stack: "Stack") -> list[dict[str, Any]]:
    """What `processes` of the JSON holds: ready is true, or the reason why not."""
    return [{**process, "ready": stack.not_ready(process) or True} for process in stack.processes()]


def _public(stack: "Stack") -> dict[str, str]:
    """The addresses with passwords blotted out."""
    from sqlalchemy import make_url

    return {
        key: make_url(value).render_as_string() if key.endswith("_url") else value
        for key, value in stack.settings().items()
    }


def _show(stack: "Stack") -> None:
    """The table for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not stack.running:
        print(f"No stack runs in {stack.layout.folder}; start it with: koc local up")
        return
    table = Table("process", "pid", "state", "restarts", "metrics", box=None)
    processes = _processes(stack)
    for process in processes:
        state = "not ready" if process["state"] == "running" and process["ready"] is not True else process["state"]
        metrics = f"http://127.0.0.1:{process['http_port']}/metrics" if process["http_port"] else ""
        table.add_row(process["name"], str(process["pid"] or ""), state, str(process["restarts"]), metrics)
    console.print(table)
    for process in processes:
        if process["ready"] is not True:
            print(f"{process['name']}: {process['ready']}")
    print(f"logs: {stack.layout.log}")
    for key, value in _public(stack).items():
        print(f"{key}: {value}")
