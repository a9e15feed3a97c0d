"""koc publish: JSON lines of mixed events to the right topics with the right keys."""

import gzip
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services.runtime.publishing import Outgoing

app = typer.Typer()
_SHOWN = 20


@app.command()
def publish(
    files: Annotated[list[str], typer.Argument(help="JSON lines, one event a line; .gz too; - is standard input")],
    as_is: Annotated[bool, typer.Option("--as-is", help="publish invalid lines too, to see them refused")] = False,
    topic: Annotated[str, typer.Option(help="with --as-is: for lines that name no topic")] = "commerce.orders.v1",
    as_json: Annotated[bool, typer.Option("--json", help="print counts by topic as JSON")] = False,
) -> None:
    """Publish events to their topics, keyed and partitioned as the contract says.

    All lines are checked first; if one is invalid, nothing is published and each is named.

    Examples:
        koc publish events.jsonl more.jsonl.gz
        zcat shop.jsonl.gz | koc publish - --json
    """
    from schemas.topics import BY_NAME
    from services.runtime.publishing import publish as send
    from services.runtime.routing import route, route_as_is

    if topic not in BY_NAME:
        raise typer.BadParameter(f"no such topic; there are {', '.join(BY_NAME)}", param_hint="--topic")
    lines = _lines(files)
    records = [route_as_is(raw, topic) for _, raw in lines] if as_is else _checked(lines, route)
    began = time.monotonic()
    counts = send(records, _show_progress(len(records)))
    seconds = time.monotonic() - began
    if as_json:
        print(json.dumps({"published": counts, "seconds": round(seconds, 3)}))
    else:
        for name, count in sorted(counts.items()):
            print(f"{count:10,}  {name}")
        print(f"{len(records):10,}  in {seconds:.1f} s; `koc drain` waits until they are in the ledger")


def _lines(files: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Every line that is not blank, with where it stands."""
    for name in files:
        if name != "-" and not Path(name).is_file():
            raise typer.BadParameter(f"{name} is not a file", param_hint="FILES")
        with _opened(name) as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield f"{name}:{number}", line.strip()


def _opened(name: str) -> IO[bytes]:
    if name == "-":
        return sys.stdin.buffer
    return gzip.open(name) if name.endswith(".gz") else Path(name).open("rb")  # type: ignore[return-value]


def _checked(lines: Iterable[tuple[str, bytes]], route: "Callable[[bytes], Outgoing]") -> "list[Outgoing]":
    """The records of all lines; exits with status 1, naming the bad ones, if there are any."""
    from schemas.decoding import InvalidEvent

    records, bad = [], 0
    for where, raw in lines:
        try:
            records.append(route(raw))
        except InvalidEvent as invalid:
            bad += 1
            if bad <= _SHOWN:
                print(f"{where}: {invalid}", file=sys.stderr)
    if bad:
        more = f" ({bad - _SHOWN} more not shown)" if bad > _SHOWN else ""
        print(f"koc publish: {bad} invalid lines{more}; nothing was published (--as-is publishes all)", file=sys.stderr)
        raise typer.Exit(1)
    return records


def _show_progress(total: int) -> Callable[[int], None]:
    """A counter on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda done: print(f"\rpublished {done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr)
