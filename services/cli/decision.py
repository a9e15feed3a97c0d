"""What every command of a person has in common: its options, and how its outcome is told."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services.settlement.commands.execute import CommandOutcome

AmountArgument = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="with the currency's decimals: 63.00 CNY, 6300 JPY")
]
CurrencyCode = Annotated[str, typer.Argument(metavar="CUR", help="ISO 4217 code, such as CNY")]
Reason = Annotated[str, typer.Option(help="why, for whoever meets it later; it is published with the command")]
CommandId = Annotated[
    str | None,
    typer.Option("--id", help="names this decision: the same command under the same id is carried out once"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what it would do, and change nothing")]


def tell(outcome: "CommandOutcome", command_id: str | None, sentence: str, as_json: bool) -> None:
    """Print what became of a command.

    Args:
        outcome: of the command.
        command_id: as the person gave it.
        sentence: what it did, for a person.
        as_json: print one JSON document instead.
    """
    from services.kernel.time import format_rfc3339, format_to_second

    if as_json:
        body = outcome._asdict() | {"at": format_rfc3339(outcome.at)}
        print(json.dumps(body))
    elif outcome.seq is None:
        print(f"this would be done: {sentence}")
    elif outcome.is_new:
        print(f"command {outcome.seq} ({outcome.command_id}): {sentence}")
    else:
        print(
            f"this is command {outcome.seq}, which {outcome.by} gave at {format_to_second(outcome.at)}: "
            f"nothing was done now"
            + ("" if command_id else "; if it happened twice, give the second one an --id of its own")
        )
