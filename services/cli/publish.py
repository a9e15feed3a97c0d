"""koc publish: JSON lines of mixed events to the right topics with the right keys."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from services.kernel.errors import InputRefused

if TYPE_CHECKING:
    from schemas.decoding import InvalidEvent
    from schemas.findings import Finding
    from schemas.relations import Relations
    from schemas.samples import Sample
    from services.runtime.publishing import Outgoing

    Refused = tuple[str, InvalidEvent]

app = typer.Typer()
_SHOWN = 20
_PACE = 10_000
"""Events between two signs of progress."""


@app.command()
def publish(
    files: Annotated[
        list[str],
        typer.Argument(
            help="JSON lines, one event a line, or JSON documents; packed with gzip too; - is standard input",
        ),
    ],
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="check everything, publish nothing; needs no broker")
    ] = False,
    as_is: Annotated[bool, typer.Option("--as-is", help="publish invalid lines too, to see them refused")] = False,
    topic: Annotated[
        str, typer.Option(help="with --as-is: the input topic for lines that name none")
    ] = "commerce.orders.v1",
    as_json: Annotated[bool, typer.Option("--json", help="print counts by topic as JSON")] = False,
) -> None:
    """Publish events to their topics, keyed and partitioned as the contract says.

    All lines are checked first; if one is invalid, nothing is published, each is named, and the status is 1.
    --validate-only ends there, with 0 if all are valid, else 1, and warns where a relation.set leaves out parties whom
    its KOC had before in these files; `python -m schemas.check` looks at all events together.
    A file without events, or that cannot be read, ends with 65; no broker ends with 69, before anything is checked.

    Examples:
        koc publish events.jsonl more.jsonl.gz
        koc publish --validate-only --json samples.jsonl
        zcat shop.jsonl.gz | koc publish - --json
    """
    from schemas.relations import Relations
    from schemas.samples import lines, samples
    from services.runtime.publishing import reach_broker
    from services.runtime.routing import route_as_is

    _check_usage(files, topic, validate_only, as_is)
    if not validate_only:
        reach_broker()
    if as_is:
        records = [route_as_is(sample.raw, topic) for sample in _counted(_read(files, lines), "read")]
    else:
        relations = Relations()
        records, refused = _routed(_counted(_read(files, samples), "checked"), relations)
        if validate_only:
            _report(records, refused, list(relations.end()), as_json)
            raise typer.Exit(1 if refused else 0)
        if refused:
            _show(refused)
            raise typer.Exit(1)
    _send(records, as_json)


def _send(records: "list[Outgoing]", as_json: bool) -> None:
    """Publish, and say how many went where in what time."""
    from services.runtime.publishing import publish as send

    began = time.monotonic()
    counts = send(records, _show_progress(len(records)))
    seconds = time.monotonic() - began
    if as_json:
        print(json.dumps({"published": counts, "seconds": round(seconds, 3)}))
    else:
        for name, count in sorted(counts.items()):
            print(f"{count:10,}  {name}")
        print(f"{len(records):10,}  in {seconds:.1f} s; `koc drain` waits until they are in the ledger")


def _check_usage(files: list[str], topic: str, validate_only: bool, as_is: bool) -> None:
    """Refuse what makes no sense: a topic of our own is no place for events of others."""
    from schemas.samples import check_names
    from schemas.topics import INPUTS

    try:
        check_names(files)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="FILES") from None
    inputs = [one.name for one in INPUTS]
    if topic not in inputs:
        raise typer.BadParameter(f"{topic} is none of the input topics {', '.join(inputs)}", param_hint="--topic")
    if validate_only and as_is:
        raise typer.BadParameter("--as-is publishes without checking", param_hint="--validate-only")


def _read(files: Iterable[str], reader: "Callable[[str], Iterator[Sample]]") -> "Iterator[Sample]":
    """What a reader finds in all files.

    Raises:
        InputRefused: a file holds no event, or cannot be read.
    """
    for name in files:
        found = 0
        try:
            for found, sample in enumerate(reader(name), 1):  # noqa: B007 - how many it found is asked below
                yield sample
        except FileNotFoundError as problem:
            raise typer.BadParameter(str(problem), param_hint="FILES") from None
        except ValueError as problem:
            raise InputRefused(str(problem)) from None
        if not found:
            raise InputRefused(f"{'standard input' if name == '-' else name} is empty: there is no event in it")


def _counted(found: "Iterable[Sample]", what: str) -> "Iterator[Sample]":
    """The same samples; on a terminal it shows how many there were so far."""
    shown = sys.stderr.isatty()
    number = 0
    for number, sample in enumerate(found, 1):
        if shown and number % _PACE == 0:
            print(f"\r{what} {number:,} events", end="", file=sys.stderr, flush=True)
        yield sample
    if shown and number >= _PACE:
        print(f"\r{what} {number:,} events", file=sys.stderr)


def _routed(found: "Iterable[Sample]", relations: "Relations") -> "tuple[list[Outgoing], list[Refused]]":
    """The records of all valid samples, and the others with where they stand and why; relations are collected."""
    from schemas.decoding import InvalidEvent, read
    from schemas.plans import RelationSet
    from schemas.topics import REGISTRY
    from services.runtime.routing import route

    records: list[Outgoing] = []
    refused: list[Refused] = []
    for where, raw in found:
        try:
            records.append(record := route(raw))
            if record.topic == REGISTRY.name and isinstance(event := read(record.topic, raw), RelationSet):
                relations.add(where, event)
        except InvalidEvent as invalid:
            refused.append((where, invalid))
    return records, refused


def _report(records: "Iterable[Outgoing]", refused: "list[Refused]", warnings: "list[Finding]", as_json: bool) -> None:
    """Every bad one, every warning, and counts of the valid ones by topic."""
    counts = Counter(record.topic for record in records)
    if as_json:
        bad = [
            {"where": where, "reason": invalid.reason, "field": invalid.field, "detail": invalid.detail}
            for where, invalid in refused
        ]
        dubious = [
            {"where": one.where, "reason": one.word, "field": one.field, "detail": one.wanted} for one in warnings
        ]
        answer = {"valid": dict(sorted(counts.items())), "invalid": bad, "warnings": dubious}
        print(json.dumps(answer, ensure_ascii=False))
        return
    for where, invalid in refused:
        print(f"{where}: {invalid}")
    print(*warnings, sep="\n", end="\n" if warnings else "")
    for name, count in sorted(counts.items()):
        print(f"{count:10,}  {name}")
    print(f"{counts.total():10,}  valid, {len(refused):,} invalid; nothing was published")


def _show(refused: "list[Refused]") -> None:
    """Name the first bad ones on standard error, and say how many there are."""
    for where, invalid in refused[:_SHOWN]:
        print(f"{where}: {invalid}", file=sys.stderr)
    more = f" ({len(refused) - _SHOWN} more not shown)" if len(refused) > _SHOWN else ""
    hint = "nothing was published (--as-is publishes all)"
    print(f"koc publish: {len(refused)} invalid lines{more}; {hint}", file=sys.stderr)


def _show_progress(total: int) -> Callable[[int], None]:
    """A counter on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda done: print(f"\rpublished {done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr)
