"""`koc`: one command line. Groups are loaded when they are asked for, so that `koc --help` is quick."""

import logging
import sys
from contextlib import suppress
from importlib import import_module, metadata
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from services.cli import output
from services.kernel.errors import InputRefused, InvariantBroken, Stalled, StartRefused

COMMANDS: dict[str, tuple[str, str]] = {
    "local": ("services.cli.local", "Real Kafka and PostgreSQL on this machine without Docker, and the workers."),
    "demo": ("services.cli.demo", "Real events in, a proven ledger out, on the local stack."),
    "topics": ("services.cli.topics", "Create the topics, or say how they differ."),
    "publish": ("services.cli.publish", "Publish JSON lines of mixed events to the right topics with the right keys."),
    "drain": ("services.cli.drain", "Wait until all that was published has reached the ledger topic."),
    "attribution": ("services.cli.attribution", "The attribution worker."),
    "policy": ("services.cli.policy", "Who is credited by which rule: check a policy file, show what applies when."),
    "settlement": ("services.cli.settlement", "The poster, the relay and the migrations."),
    "payee": ("services.cli.payee", "Where parties are paid: names and account numbers for the payer alone."),
    "payout": ("services.cli.payout", "Payouts: propose, approve, export to banks, take their replies."),
    "commands": ("services.cli.commands", "What people have decided: runs, write-offs, payments, adjustments."),
    "clawback": ("services.cli.clawback", "What parties owe back: give it up, or record that it was repaid."),
    "brand": ("services.cli.brand", "What brands have paid us."),
    "traffic": ("services.cli.traffic", "Paid traffic that we buy ahead."),
    "adjustment": ("services.cli.adjustment", "Entries that no rule makes: one person proposes, another one approves."),
    "period": ("services.cli.period", "Months: close them under a seal, reopen the last one, look at them."),
    "privacy": ("services.cli.privacy", "Buyers: cut the link of one to order lines."),
    "statement": ("services.cli.statement", "Statements and bills of closed months, as files, and their proof."),
    "ledger": ("services.cli.ledger", "Balances, digest, export and proof of the ledger."),
    "report": (
        "services.cli.report",
        "What contents, KOCs, campaigns and products sold and cost; what KOCs that left are due.",
    ),
    "explain": ("services.cli.explain", "Who earns what from an order, and why."),
    "console": ("services.cli.console", "The pages for finance and support, in a browser."),
    "dlq": ("services.cli.dlq", "What was refused, why, and sending it again."),
    "config": ("services.cli.config", "Every setting: its value, where that comes from, what it means."),
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
IO_ERROR = 74
"""EX_IOERR: a file, or standard output, cannot be read or written."""
_READER_LEFT = 1


def app() -> None:
    """Entry point: an expected problem is one sentence and its exit status, never a traceback."""
    output.accept_every_character()
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # a command says itself that no broker answers
    try:
        _run()
    except (StartRefused, InputRefused, InvariantBroken, Stalled) as problem:
        _end(str(problem), problem.exit_code)
    except BrokenPipeError:
        output.discard()
        sys.exit(_READER_LEFT)
    except ConnectionError as problem:
        _end(f"{problem}; `koc doctor` says more", UNAVAILABLE)
    except OSError as problem:
        output.discard()
        _end(f"{problem.filename or 'input or output failed'}: {problem.strerror or problem}", IO_ERROR)
    except Exception as problem:
        if _is_raised_by(problem, "OperationalError", "sqlalchemy.exc", "psycopg"):
            _end("the database does not answer; `koc local up` starts one, `koc doctor` says more", UNAVAILABLE)
        if _is_raised_by(getattr(problem, "orig", problem), "ReadOnlySqlTransaction", "psycopg.errors"):
            _end("the database takes no changes now, as a primary that another one replaces; try again", UNAVAILABLE)
        if _is_raised_by(problem, "KafkaError", "kafka.errors", "aiokafka.errors"):
            _end(f"Kafka did not do what it was asked: {problem}; `koc doctor` says more", UNAVAILABLE)
        raise


def _run() -> None:
    """Run the command, and write out what it printed, however it ended."""
    try:
        koc()
    finally:
        output.flush()


def _end(sentence: str, status: int) -> NoReturn:
    with suppress(OSError):
        print(f"koc: {sentence}", file=sys.stderr)
    sys.exit(status)


def _is_raised_by(problem: object, kind: str, *modules: str) -> bool:
    """Whether a library's error it is, without importing the library for commands that do not need it."""
    kinds = [getattr(sys.modules[name], kind, None) for name in modules if name in sys.modules]
    return any(one is not None and isinstance(problem, one) for one in kinds)
