"""`koc dlq`: what was refused, why, and sending it again."""

import base64
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from services.runtime.deadletters import Position, Refusal

app = typer.Typer(no_args_is_help=True, help="What was refused, why, and sending it again.")
_SHOWN = 40

Topic = Annotated[str | None, typer.Option(help="Only of this source topic.")]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only with this reason word; repeatable.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable.")]


@app.command("list")
def list_refusals(topic: Topic = None, reason: Reasons = None, as_json: AsJson = False) -> None:
    """Every refusal once, by where the event stood, and how many there are by topic and reason.

    --json prints a list of objects: topic, partition, offset, reason, detail, key.

    Examples: koc dlq list · koc dlq list --reason id_conflict --json
    """
    found = _selected(topic, reason)
    if as_json:
        print(json.dumps([_brief(one) for one in found], ensure_ascii=False))
        return
    for one in found[:_SHOWN]:
        print(f"{one.source!s:32} {one.reason:14} {one.detail}")
    if len(found) > _SHOWN:
        print(f"… and {len(found) - _SHOWN:,} more (--json prints all)")
    for (name, word), count in sorted(Counter((one.source.topic, one.reason) for one in found).items()):
        print(f"{count:8,}  {name}  {word}")
    print(f"{len(found):8,}  refused in all")


@app.command()
def show(
    position: Annotated[str, typer.Argument(metavar="TOPIC/PARTITION/OFFSET", help="Where the event stood.")],
    raw: Annotated[bool, typer.Option("--raw", help="Only the original bytes, as they came.")] = False,
    as_json: AsJson = False,
) -> None:
    """One refusal whole: why, its key, its headers and its original bytes.

    To mend and send it:  koc dlq show POSITION --raw > event.json; edit it; koc publish event.json

    Example: koc dlq show commerce.orders.v1/3/1041
    """
    found = _selected(positions=[position])
    if not found:
        print(f"koc: nothing was refused at {position}; `koc dlq list` names what was", file=sys.stderr)
        raise typer.Exit(1)
    refusal = found[0]
    if raw:
        sys.stdout.buffer.write(refusal.value or b"")
        return
    everything = _brief(refusal) | {
        "headers": {name: value.decode(errors="replace") for name, value in refusal.headers},
        "value": _text(refusal.value),
        "value_base64": base64.b64encode(refusal.value or b"").decode(),
    }
    if as_json:
        print(json.dumps(everything, ensure_ascii=False))
        return
    for name in ("topic", "partition", "offset", "reason", "detail", "key", "headers"):
        print(f"{name:10} {everything[name]}")
    print(f"value      {len(refusal.value or b'')} bytes:\n{everything['value']}")


@app.command()
def replay(
    topic: Topic = None,
    reason: Reasons = None,
    position: Annotated[
        list[str] | None, typer.Option(metavar="TOPIC/PARTITION/OFFSET", help="Only this one; repeatable.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever was refused.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish refused events again, as they came, after what was wrong with their reading is mended.

    Asks on a terminal. What is still bad is refused again, at its new place.

    Examples: koc dlq replay --reason unknown_order · koc dlq replay --all --yes
    """
    if not (topic or reason or position or everything):
        raise typer.BadParameter("say which: --topic, --reason, --position or --all")
    from services.runtime import deadletters, publishing

    found = _selected(topic, reason, position or ())
    if found and not yes and sys.stdin.isatty():
        typer.confirm(f"Publish {len(found):,} refused events again?", abort=True)
    counts = deadletters.replay(found, publishing.publish) if found else {}
    if as_json:
        print(json.dumps({"replayed": counts}))
        return
    for name, count in sorted(counts.items()):
        print(f"{count:8,}  {name}")
    print(f"{len(found):8,}  published again")


def _selected(
    topic: str | None = None, reasons: list[str] | None = None, positions: "list[str] | tuple[str, ...]" = ()
) -> "list[Refusal]":
    """What the options select; a word, topic or position that does not exist is the user's mistake."""
    from schemas.reasons import Reason
    from schemas.topics import INPUTS
    from services.runtime.deadletters import select

    source = topic.removesuffix(".dlq") if topic else None
    if source is not None and source not in {one.name for one in INPUTS}:
        raise typer.BadParameter(f"{topic} is not one of {', '.join(one.name for one in INPUTS)}", param_hint="--topic")
    if unknown := set(reasons or ()) - set(Reason):
        raise typer.BadParameter(f"{min(unknown)} is not one of {', '.join(Reason)}", param_hint="--reason")
    return select(source, reasons or (), [_position(one) for one in positions])


def _position(text: str) -> "Position":
    from services.runtime.deadletters import parse_position

    try:
        return parse_position(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


def _brief(refusal: "Refusal") -> dict[str, Any]:
    """What a list says of a refusal."""
    return {
        **refusal.source._asdict(),
        "reason": refusal.reason,
        "detail": refusal.detail,
        "key": None if refusal.key is None else _text(refusal.key),
    }


def _text(raw: bytes | None) -> str:
    """Bytes for a person: text where they are text, escapes where not."""
    return (raw or b"").decode(errors="backslashreplace")
