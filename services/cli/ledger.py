"""`koc ledger`: balances, waiting lines, digest, export and proof of the ledger."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from services.cli.options import AsJson
from services.cli.rebuild import rebuild

if TYPE_CHECKING:
    from services.settlement.books.clawbacks import OpenClawback
    from services.settlement.books.line_lists import LineList, ListedLine
    from services.settlement.books.snapshot import Snapshot
    from services.settlement.domain.book.periods import KnownMonth, PeriodClose
    from services.settlement.verify.verify import VerifyProgress, VerifyReport

app = typer.Typer(no_args_is_help=True)
app.command()(rebuild)
ExportedRow = TypeVar("ExportedRow")


OfMonth = Annotated[str | None, typer.Option(help="only this month, YYYY-MM in the settlement time zone")]
OfRevision = Annotated[int | None, typer.Option(help="the month as it was closed by this revision", min=1)]
AsKnownAt = Annotated[
    str | None,
    typer.Option(help="the month as it was known at that moment, RFC 3339; default: now", metavar="MOMENT"),
]


class ExportFormat(Enum):
    """What `koc ledger export` writes."""

    JSON = "json"
    CSV = "csv"
    HLEDGER = "hledger"


@app.command()
def balances(
    as_json: AsJson = False,
    account: Annotated[str, typer.Option(help="only accounts whose key begins so", metavar="PREFIX")] = "",
    period: OfMonth = None,
    revision: OfRevision = None,
    as_known_at: AsKnownAt = None,
) -> None:
    """Every account that is not at zero: debit positive, credit negative.

    With --period: what each account had when the month opened, what moved in it, and what it had when the month closed.
    A closed month is shown as it was closed, with what was booked up to its cut.
    Exit 1 if no account begins with the prefix.

    Examples: `koc ledger balances --account koc:k_7: --json`, `koc ledger balances --period 2026-10 --revision 1`
    """
    from rich.console import Console
    from rich.table import Table

    from services.cli.month_page import print_month
    from services.settlement.domain.book.currencies import decimal_text

    if period is not None:
        with _books() as books:
            months = books.period_records()
            known = _known_month(months.closes(), period, revision, as_known_at)
            found = [one for one in months.balances(known) if one.account.startswith(account)]
        print_month(found, as_json=as_json)
        sys.exit(1 if account and not found else 0)
    _refuse_without_period(revision, as_known_at)
    with _books() as books:
        every = sorted(balance[:3] for _, balance in books.balances() if balance.amount_minor)
    shown = [row for row in every if row[0].startswith(account)]
    if as_json:
        print(json.dumps([{"account": key, "currency": of, "amount_minor": amount} for key, of, amount in shown]))
    elif account and not shown:
        print(f"koc: no account that begins with {account} has a balance", file=sys.stderr)
    else:
        table = Table("account", "currency", box=None, pad_edge=False)
        table.add_column("amount", justify="right")
        for key, of, amount in shown:
            table.add_row(key, of, decimal_text(amount, of))
        Console(soft_wrap=True).print(table)
    sys.exit(1 if account and not shown else 0)


@app.command()
def lines(
    unpriced: Annotated[bool, typer.Option("--unpriced", help="lines that no plan prices, or a part of them")] = False,
    set_aside: Annotated[bool, typer.Option("--set-aside", help="lines over a limit of the journal")] = False,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="lines frozen at what is booked")] = False,
    below_join: Annotated[bool, typer.Option("--below-join", help="lines that wait for a complete assertion")] = False,
    limit: Annotated[int, typer.Option(help="at most so many lines, those that wait longest first", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """The order lines that wait for somebody or something, and why. Name one of the four conditions.

    The amount is the base that no plan prices, and for the other conditions what the brand is charged at present.
    `since` is the time of the payment; with --below-join it is when the line fell behind.
    --json prints one object: total, and lines with amounts in minor units.

    Examples: `koc ledger lines --unpriced`, `koc ledger lines --quarantined --json --limit 1000`
    """
    from services.settlement.books.line_lists import LineCondition, list_lines
    from services.settlement.books.reader import books_reader

    asked = {"unpriced": unpriced, "set_aside": set_aside, "quarantined": quarantined, "below_join": below_join}
    conditions = [LineCondition(name) for name, is_asked in asked.items() if is_asked]
    if len(conditions) != 1:
        raise typer.BadParameter("name one of --unpriced, --set-aside, --quarantined, --below-join")
    with books_reader() as reader, reader.connect() as connection:
        found = list_lines(connection, conditions[0], limit)
    if as_json:
        print(json.dumps({"total": found.total, "lines": [_listed(line) for line in found.lines]}))
    else:
        _print_lines(found)


@app.command()
def clawbacks(as_json: AsJson = False) -> None:
    """Who owes money back, how much, and for how many days. What was repaid or netted goes to the oldest debt.

    --json prints one object a party and currency, amounts in minor units; `ages` begin at so many days.

    Examples: `koc ledger clawbacks`, `koc ledger clawbacks --json`
    """
    from services.settlement.books.clawbacks import open_clawbacks
    from services.settlement.books.reader import books_reader

    with books_reader() as reader, reader.connect() as connection:
        found = list(open_clawbacks(connection))
    if as_json:
        print(json.dumps([_aged(one) for one in found]))
    else:
        _print_clawbacks(found)


@app.command()
def digest(as_json: AsJson = False) -> None:
    """One hash over everyone's part of every order line; the same events give the same hash, in any order.

    Examples: `koc ledger digest`, `koc ledger digest --json`
    """
    from services.settlement.export.digest import digest as compute

    with _books() as books:
        result = compute(books.net_positions())
    print(json.dumps(result._asdict()) if as_json else f"{result.sha256}  {result.positions} positions")


@app.command()
def export(
    form: Annotated[ExportFormat, typer.Option("--format", help="json: one entry a line, as in the ledger topic")],
    output: Annotated[Path | None, typer.Option(help="a file, whole or not at all; default: standard output")] = None,
    period: OfMonth = None,
    revision: OfRevision = None,
    as_known_at: AsKnownAt = None,
) -> None:
    """The journal by writer and number, whole or of one month, for other programs.

    A closed month is written as it was closed, with what was booked up to its cut: the bytes never change.

    Examples: `koc ledger export --format hledger --output books.journal`,
    `koc ledger export --format csv --period 2026-10 --revision 1`
    """
    from services.settlement.export.file import write

    if period is None:
        _refuse_without_period(revision, as_known_at)
        write(_journal(form), output)
        return
    with _books() as books:
        known = _known_month(books.period_records().closes(), period, revision, as_known_at)
    write(_journal(form, known), output)


def _journal(form: ExportFormat, known: "KnownMonth | None" = None) -> Iterator[str]:
    """The journal in a form, piece by piece; opens the books when the first is asked for.

    Args:
        form: of the pieces.
        known: the rows of one month; None = all rows.
    """
    from services.runtime.settings import settings
    from services.settlement.books.journal_rows import chained
    from services.settlement.export.hledger import hledger_journal
    from services.settlement.export.rows import csv_rows, json_lines

    with _books() as books, _progress(books.journal_rows()) as progress:
        names = books.names
        rows = chained(books.journal(), names) if known is None else books.period_records().entries(known, names)
        entries = _counted(rows, progress)
        if form is ExportFormat.HLEDGER:
            yield from hledger_journal(entries, names.values(), settings().settlement_zone_minutes)
        else:
            yield from json_lines(entries) if form is ExportFormat.JSON else csv_rows(entries)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Derive the books again from the journal, the assertions and the registry; exit 1 if a stored value differs.

    Examples: `koc ledger verify`, `koc ledger verify --json`
    """
    from services.settlement.verify.verify import verify as check

    with _books() as books, _progress(books.journal_rows()) as progress:
        report = check(books, progress)
    print(json.dumps(_body(report)) if as_json else _page(report))
    sys.exit(0 if report.clean else 1)


@app.command()
def audit(
    from_topics: Annotated[
        bool, typer.Option("--from-topics", help="from the four public topics, without a database")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the books again from the topics by other code, plan runs and payouts again; exit 1 if something differs.

    It reads credits, registry, commands, ledger and statements, and needs Kafka alone. It also computes the seals of
    closed months again, and checks each statement. Run it at rest, after `koc drain`: what is published and not yet
    booked counts as a difference. Progress is on standard error.
    --json prints one object: clean, checked, found (differences by check), differences, notes.

    Examples: `koc ledger audit --from-topics`, `koc ledger audit --from-topics --json`
    """
    from services.operations.audit.audit import AUDITED
    from services.operations.audit.audit import audit as make_again
    from services.runtime.settings import settings
    from services.runtime.topic_reader import kafka_topics

    if not from_topics:
        raise typer.BadParameter("name what the audit reads: --from-topics")
    with kafka_topics(AUDITED) as topics:
        zone_minutes = settings().settlement_zone_minutes
        report = make_again(topics, zone_minutes, lambda line: print(line, file=sys.stderr, flush=True))
        if grown := topics.grown():
            report.notes.append(f"{', '.join(grown)} grew meanwhile: what came too late may count as a difference")
    print(json.dumps(report.body()) if as_json else report.page())
    sys.exit(0 if report.is_clean else 1)


def _known_month(
    closes: "Iterable[PeriodClose]", period: str, revision: int | None, as_known_at: str | None
) -> "KnownMonth":
    """Which rows of a month were asked for."""
    from services.kernel.errors import InputRefused
    from services.kernel.time import parse_rfc3339
    from services.settlement.domain.book.periods import known_month, read_month

    if revision is not None and as_known_at is not None:
        raise typer.BadParameter("a revision is known since its close: name --revision or --as-known-at")
    try:
        moment = None if as_known_at is None else parse_rfc3339(as_known_at)
    except ValueError:
        raise InputRefused(f"{as_known_at!r} is no moment: write it as 2026-12-01T00:00:00+08:00") from None
    return known_month(read_month(period), closes, revision, moment)


def _refuse_without_period(revision: int | None, as_known_at: str | None) -> None:
    """What was known when is a question about one month."""
    if revision is not None or as_known_at is not None:
        raise typer.BadParameter("name the month too: --period YYYY-MM")


@contextmanager
def _books() -> Iterator["Snapshot"]:
    """A snapshot of the books as the role reader."""
    from services.settlement.books.reader import books_reader
    from services.settlement.books.snapshot import snapshot

    with books_reader(options="-c statement_timeout=0") as reader, snapshot(reader) as books:
        yield books


@contextmanager
def _progress(journal_rows: int) -> Iterator["VerifyProgress"]:
    """Bars on standard error where that is a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {"journal rows": bars.add_task("journal rows", total=journal_rows)}

        def tell(what: str, done: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=None)
            bars.advance(tasks[what], done)

        yield tell


def _counted(rows: Iterable[ExportedRow], progress: "VerifyProgress") -> Iterator[ExportedRow]:
    """Rows as they come, each counted by a progress bar."""
    for row in rows:
        yield row
        progress("journal rows", 1)


def _listed(line: "ListedLine") -> dict[str, object]:
    """A listed line as JSON."""
    from services.kernel.time import format_rfc3339

    return {**line._asdict(), "since": None if line.since is None else format_rfc3339(line.since)}


def _aged(one: "OpenClawback") -> dict[str, object]:
    """An open clawback as JSON."""
    from services.kernel.time import format_rfc3339
    from services.settlement.domain.settling.ageing import AGES_DAYS

    ages = dict(zip(map(str, AGES_DAYS), one.aged.open_minor, strict=True))
    oldest_at = None if one.aged.oldest_at is None else format_rfc3339(one.aged.oldest_at)
    whose = {"party": one.party, "currency": one.currency, "owed_minor": one.owed_minor}
    return {**whose, "ages": ages, "oldest_at": oldest_at}


def _print_clawbacks(found: "list[OpenClawback]") -> None:
    """A row a party and currency, a column an age."""
    from rich.console import Console
    from rich.table import Table

    from services.settlement.domain.book.currencies import decimal_text
    from services.settlement.domain.settling.ageing import AGES_DAYS

    table = Table("party", "currency", box=None, pad_edge=False)
    for title in ("owed", f"under {AGES_DAYS[1]} days", *(f"from {days}" for days in AGES_DAYS[1:])):
        table.add_column(title, justify="right")
    for one in found:
        amounts = [decimal_text(amount, one.currency) for amount in (one.owed_minor, *one.aged.open_minor)]
        table.add_row(one.party, one.currency, *amounts)
    Console(soft_wrap=True).print(table)


def _print_lines(found: "LineList") -> None:
    """A row a line, and how many lines there are."""
    from services.kernel.identifiers import line_key
    from services.kernel.time import format_rfc3339
    from services.settlement.domain.book.currencies import decimal_text

    for one in found.lines:
        name = line_key(one.order_id, one.line_id, one.buyer_id)
        since = "not come yet" if one.since is None else f"since {format_rfc3339(one.since)}"
        print(f"{name:32}  {decimal_text(one.amount_minor, one.currency):>14} {one.currency}  {since}  {one.reason}")
    rest = found.total - len(found.lines)
    more = f", {rest:,} of them not shown: --limit shows more" if rest else ""
    print(f"{found.total:,} line{'' if found.total == 1 else 's'}{more}")


def _body(report: "VerifyReport") -> dict[str, object]:
    """The report as JSON."""
    return {
        "clean": report.clean,
        "checked": dict(report.checked),
        "differences": [difference._asdict() for difference in report.differences],
        "notes": [note._asdict() for note in report.notes],
    }


def _page(report: "VerifyReport") -> str:
    """The report for a person: differences, notes, and the verdict last."""
    checked = ", ".join(f"{count} {what}" for what, count in report.checked.items())
    count = len(report.differences)
    found = f"{count:,} difference{'s' if count > 1 else ''}"
    verdict = "the books are as they should be" if report.clean else f"the books are not as they should be: {found}"
    notes = [f"note: {note}" for note in report.notes]
    return "\n".join([*map(str, report.differences), *notes, f"checked {checked}", verdict])
