"""`koc dlq`: what was refused, why, and sending it again."""

import base64
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.options import AsJson

if TYPE_CHECKING:
    from services.runtime.deadletters import DeadLetter, LogPosition
    from services.runtime.replay import Replay

app = typer.Typer(no_args_is_help=True, help="What was refused, why, and sending it again.")
_SHOWN = 40
_MISUSED = 2

Topic = Annotated[str | None, typer.Option(help="Only of this source topic.")]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only with this reason word; repeatable.")]


@app.command("list")
def list_refusals(
    topic: Topic = None,
    reason: Reasons = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="Those that were sent again instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every refusal once, by where the event stood, and how many there are by topic and reason.

    Those that were sent again are left out; if an event was refused again, it is listed where it stands now.

    --json prints a list of objects: topic, partition, offset, reason, detail, key, event_id, order_id, replay_of (from
    which refusal it had been sent again) and replayed (where it was sent to).

    Examples: koc dlq list · koc dlq list --reason id_conflict --json
    """
    from services.runtime.deadletters import first_letters

    briefs = {one.letter.source: _brief(one.letter) for one in first_letters(*_choice(topic, reason, ()))}
    found = [(source, brief) for source, brief in sorted(briefs.items()) if (brief["replayed"] is not None) == replayed]
    if as_json:
        print(json.dumps([brief for _, brief in found]))
        return
    for source, brief in found[:_SHOWN]:
        print(f"{source!s:32} {brief['reason']:14} {_sentence(brief)}")
    if len(found) > _SHOWN:
        print(f"… and {len(found) - _SHOWN:,} more (--json prints all)")
    for (name, word), count in sorted(Counter((source.topic, brief["reason"]) for source, brief in found).items()):
        print(f"{count:8,}  {name}  {word}")
    print(f"{len(found):8,}  {'sent again' if replayed else 'refused in all'}")
    if not replayed and len(found) < len(briefs):
        print(f"{len(briefs) - len(found):8,}  sent again and not listed (--replayed lists them)")


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
    from services.runtime.deadletters import first_letters

    found = [one.letter for one in first_letters(positions=[_position(position)])]
    if not found:
        print(f"koc: nothing was refused at {position}; `koc dlq list` names what was", file=sys.stderr)
        raise typer.Exit(1)
    letter = found[-1]  # with its mark, if the event was sent again
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
        return
    everything = _brief(letter) | {
        "headers": {name: _text(value) for name, value in letter.headers},
        "value": _text(letter.value),
        "value_base64": base64.b64encode(letter.value or b"").decode(),
    }
    if as_json:
        print(json.dumps(everything))
        return
    for name in (*_brief(letter), "headers"):
        if everything[name] is not None:
            print(f"{name:10} {_line(str(everything[name]))}")
    print(f"value      {len(letter.value or b'')} bytes:")
    print("\n".join(map(_line, everything["value"].splitlines())))


@app.command()
def replay(
    topic: Topic = None,
    reason: Reasons = None,
    position: Annotated[
        list[str] | None, typer.Option(metavar="TOPIC/PARTITION/OFFSET", help="Only this one; repeatable.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever was refused and never sent again.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="With --position: also what was sent again before, or came of that.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal to ask on.")
    ] = False,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="For news of what became of them.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Send refused events again, as they came, after what was wrong with their reading is mended; each once.

    An event that is refused again is a new refusal, which says where it came from. It is sent once more only if it is
    named, with --position and --again.

    Says how many went and what became of them, as far as that is known after --wait seconds. --json prints an object:
    replayed (how many, by topic), accepted, refused_again, on_its_way, left_out.

    Examples: koc dlq replay --reason unknown_order · koc dlq replay --all --yes
    """
    if not (topic or reason or position or everything):
        raise typer.BadParameter("say which: --topic, --reason, --position or --all")
    if again and not position:
        raise typer.BadParameter("it needs --position: name what is to be sent once more", param_hint="--again")
    from services.runtime.replay import refusals, send_again

    found = [one for one in refusals(*_choice(topic, reason, position or ())) if position or one.replayed is None]
    chosen = [one for one in found if again or not one.was_sent_again]
    if chosen and not yes:
        _confirm(len(chosen))
    replays = send_again(chosen)
    if not as_json:
        print(f"{len(replays):8,}  sent again", flush=True)
    fates = _fates(replays, wait)
    left_out = len(found) - len(chosen)
    if as_json:
        counts = Counter(one.place.topic for one in replays)
        print(json.dumps({"replayed": dict(sorted(counts.items())), **fates, "left_out": left_out}))
    else:
        _report(fates, left_out)
    if position and not replays:
        raise typer.Exit(1)


def _confirm(count: int) -> None:
    """Ask on a terminal; elsewhere nobody can answer."""
    what = f"{count:,} refused event{'s' if count > 1 else ''}"
    if not sys.stdin.isatty():
        print(f"koc: this would send {what} again; say --yes if you mean it", file=sys.stderr)
        raise typer.Exit(_MISUSED)
    typer.confirm(f"Send {what} again?", abort=True)


def _fates(replays: "Sequence[Replay]", wait: float) -> dict[str, int]:
    """How many of them had which fate."""
    from schemas.topics import CLICKS, ORDERS, REGISTRY
    from services.kernel.errors import StartRefused
    from services.operations.drain.positions import ATTRIBUTION_GROUP
    from services.runtime.replay import Fate, fates
    from services.settlement.posting.assignment import GROUP

    readers = {CLICKS.name: ATTRIBUTION_GROUP, ORDERS.name: ATTRIBUTION_GROUP, REGISTRY.name: GROUP}
    try:
        counts = Counter(fates(replays, readers, wait, _show_progress).values()) if replays else Counter()
    except (ConnectionError, StartRefused) as problem:
        print(f"koc: nobody says what became of them: {problem}", file=sys.stderr)
        counts = Counter({Fate.ON_ITS_WAY: len(replays)})
    return {fate.value: counts[fate] for fate in Fate}


def _report(fates: dict[str, int], left_out: int) -> None:
    """What became of them, for a person."""
    told = (
        (fates["accepted"], "accepted"),
        (fates["refused_again"], "refused again: `koc dlq list` names them and says why"),
        (fates["on_its_way"], "still on its way: `koc dlq list` names it later if it is refused again"),
        (left_out, "left out: sent again before, or refused after that; --position and --again send one once more"),
    )
    for count, what in told:
        if count:
            print(f"{count:8,}  {what}")


def _show_progress(line: str) -> None:
    """On a terminal, nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"waiting: {line}", file=sys.stderr, flush=True)


def _choice(
    topic: str | None, reasons: list[str] | None, positions: Iterable[str]
) -> "tuple[str | None, list[str], list[LogPosition]]":
    """What the options choose; a word, topic or position that does not exist is the user's mistake."""
    from schemas.reasons import Reason
    from schemas.topics import INPUTS

    source = topic.removesuffix(".dlq") if topic else None
    if source is not None and source not in {one.name for one in INPUTS}:
        raise typer.BadParameter(f"{topic} is not one of {', '.join(one.name for one in INPUTS)}", param_hint="--topic")
    if unknown := set(reasons or ()) - set(Reason):
        raise typer.BadParameter(f"{min(unknown)} is not one of {', '.join(Reason)}", param_hint="--reason")
    return source, reasons or [], [_position(one) for one in positions]


def _position(text: str) -> "LogPosition":
    from services.runtime.deadletters import parse_position

    try:
        return parse_position(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


def _brief(letter: "DeadLetter") -> dict[str, Any]:
    """What a list says of a refusal."""
    return {
        **letter.source._asdict(),
        "reason": letter.reason,
        "detail": letter.detail,
        "key": None if letter.key is None else _text(letter.key),
        "event_id": letter.field("event_id"),
        "order_id": letter.field("order_id"),
        "replay_of": letter.replay_of,
        "replayed": letter.replayed,
    }


def _sentence(brief: Mapping[str, Any]) -> str:
    """Which event, why, and where it came from or went."""
    named = (("event", brief["event_id"]), ("order", brief["order_id"]))
    which = " of ".join(f"{what} {name}" for what, name in named if name is not None)
    sentence = f"{which}: {brief['detail']}" if which else brief["detail"]
    if brief["replay_of"] is not None:
        sentence += f" (sent again from {brief['replay_of']})"
    if brief["replayed"] is not None:
        sentence += f" (sent again to {brief['replayed']})"
    return _line(sentence)


def _line(text: str) -> str:
    """One line that a terminal shows as it is: an event may hold anything."""
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)


def _text(raw: bytes | None) -> str:
    """Bytes for a person: text where they are text, escapes where not."""
    return (raw or b"").decode(errors="backslashreplace")
