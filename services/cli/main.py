"""`koc`: one command line. Groups are loaded when they are asked for, so that `koc --help` is quick."""

import sys
from importlib import import_module, metadata
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from services.kernel.errors import InputRefused, InvariantBroken, StartRefused

COMMANDS: dict[str, tuple[str, str]] = {
    "local": ("services.cli.local", "Real Kafka and PostgreSQL on this machine without Docker, and the workers."),
    "demo": ("services.cli.demo", "Real events in, a proven ledger out, on the local stack."),
    "topics": ("services.cli.topics", "Create the topics, or say how they differ."),
    "publish": ("services.cli.publish", "Publish JSON lines of mixed events to the right topics with the right keys."),
    "drain": ("services.cli.drain", "Wait until all that was published has reached the ledger topic."),
    "attribution": ("services.cli.attribution", "The attribution worker."),
    "policy": ("services.cli.policy", "Who is credited by which rule: check a policy file, show what applies when."),
    "settlement": ("services.cli.settlement", "The poster, the relay and the migrations."),
    "ledger": ("services.cli.ledger", "Balances, digest, export and proof of the ledger."),
    "explain": ("services.cli.explain", "Why an order earned whom what."),
    "dlq": ("services.cli.dlq", "What was refused, why, and sending it again."),
    "doctor": ("services.cli.doctor", "Check everything that a start checks, and say what to do."),
}


class LazyGroup(TyperGroup):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # typer's own click
        """The commands in the order in which a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # typer's own click
        """The command's Typer application as a command; None where there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, summary = COMMANDS[cmd_name]
        command = typer.main.get_command(import_module(module).app)
        command.name, command.short_help = cmd_name, summary
        return command


koc = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"koc {metadata.version('koc-settlement')}")
        raise typer.Exit


@koc.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """KOC commission settlement: events in, attribution, a double-entry ledger out.

    First time here? `make demo`. Then `koc local status`, `koc ledger balances`, `koc explain ORDER_ID`.
    """
    del version  # its callback has ended the command


UNAVAILABLE = 69
"""EX_UNAVAILABLE: Kafka or the database does not answer."""


def app() -> None:
    """Entry point: an expected problem is one sentence and its exit status, never a traceback."""
    try:
        koc()
    except (StartRefused, InputRefused, InvariantBroken) as problem:
        _end(str(problem), problem.exit_code)
    except ConnectionError as problem:
        _end(f"{problem}; `koc doctor` says more", UNAVAILABLE)
    except Exception as problem:
        if not _is_database_away(problem):
            raise
        _end("the database does not answer; `koc local up` starts one, `koc doctor` says more", UNAVAILABLE)


def _end(sentence: str, status: int) -> NoReturn:
    print(f"koc: {sentence}", file=sys.stderr)
    sys.exit(status)


def _is_database_away(problem: Exception) -> bool:
    """Whether SQLAlchemy or psycopg could not connect, without importing either for commands that need neither."""
    names = ("sqlalchemy.exc", "psycopg")
    kinds = [getattr(sys.modules[name], "OperationalError", None) for name in names if name in sys.modules]
    return any(kind is not None and isinstance(problem, kind) for kind in kinds)
