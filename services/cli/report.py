"""`koc report`: what contents, KOCs, campaigns and products sold and cost, and what a KOC that left is still due."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from services.cli.options import AsJson
from services.settlement.domain.reporting.figures import SortFigure
from services.settlement.domain.reporting.grouping import SalesBy, Selection

if TYPE_CHECKING:
    from services.settlement.books.report_snapshot import ReportSnapshot
    from services.settlement.reports.canvas import ChartForm

app = typer.Typer(no_args_is_help=True)

From = Annotated[
    str | None, typer.Option("--from", help="the first day that counts, in the settlement zone", metavar="YYYY-MM-DD")
]
To = Annotated[str | None, typer.Option("--to", help="the last day that counts", metavar="YYYY-MM-DD")]
Brand = Annotated[str | None, typer.Option(help="this brand alone", metavar="ID")]
Campaign = Annotated[str | None, typer.Option(help="this campaign alone", metavar="ID")]
Koc = Annotated[str | None, typer.Option(help="this KOC alone", metavar="ID")]
Limit = Annotated[int | None, typer.Option(help="at most so many rows of each currency; default: 20 on a page", min=1)]
Sort = Annotated[SortFigure, typer.Option("--sort", help="the greatest first")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV on standard output, amounts in decimals.")]
ChartFile = Annotated[
    Path | None, typer.Option("--chart", help="also draw a chart; the file's end says SVG or PNG", metavar="FILE")
]
_PAGE_ROWS = 20


class _Asked(NamedTuple):
    """What a report counts, as it was typed."""

    since: str | None
    to: str | None
    brand: str | None
    campaign: str | None = None
    koc: str | None = None


class _Output(NamedTuple):
    """How a report is shown."""

    limit: int | None
    sort: SortFigure
    as_json: bool
    as_csv: bool
    chart: Path | None


@app.command()
def content(
    since: From = None,
    to: To = None,
    brand: Brand = None,
    campaign: Campaign = None,
    koc: Koc = None,
    by_family: Annotated[
        bool, typer.Option("--by-family", help="a row a content family and platform instead of a row a content")
    ] = False,
    limit: Limit = None,
    sort: Sort = SortFigure.NET_REVENUE,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    chart: ChartFile = None,
) -> None:
    """What each content sold, cost and left over; --by-family compares content families over platforms.

    Lines count by when they were paid, script fees by when they were accepted, spend by when it was reported.
    docs/reports.md defines every figure. --json prints one object with amounts in minor units.

    Examples: `koc report content --from 2026-11-01 --to 2026-11-30`, `koc report content --by-family --chart f.svg`
    """
    by = SalesBy.FAMILY if by_family else SalesBy.CONTENT
    _show_sales(by, _Asked(since, to, brand, campaign, koc), _Output(limit, sort, as_json, as_csv, chart))


@app.command()
def koc(
    since: From = None,
    to: To = None,
    brand: Brand = None,
    campaign: Campaign = None,
    koc: Koc = None,
    limit: Limit = None,
    sort: Sort = SortFigure.NET_REVENUE,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    chart: ChartFile = None,
) -> None:
    """What each KOC sold, cost and left over, over all its contents.

    docs/reports.md defines every figure. --json prints one object with amounts in minor units.

    Examples: `koc report koc --brand br_2`, `koc report koc --sort roi --limit 10 --chart kocs.png`
    """
    asked = _Asked(since, to, brand, campaign, koc)
    _show_sales(SalesBy.KOC, asked, _Output(limit, sort, as_json, as_csv, chart))


@app.command()
def campaign(
    since: From = None,
    to: To = None,
    brand: Brand = None,
    campaign: Campaign = None,
    koc: Koc = None,
    limit: Limit = None,
    sort: Sort = SortFigure.NET_REVENUE,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    chart: ChartFile = None,
) -> None:
    """What each campaign sold, cost and left over.

    Lines belong to the campaign of the credited touch, script fees and spend to that of the registered content.
    docs/reports.md defines every figure. --json prints one object with amounts in minor units.

    Examples: `koc report campaign`, `koc report campaign --campaign c_1111 --json`
    """
    asked = _Asked(since, to, brand, campaign, koc)
    _show_sales(SalesBy.CAMPAIGN, asked, _Output(limit, sort, as_json, as_csv, chart))


@app.command()
def product(
    since: From = None,
    to: To = None,
    brand: Brand = None,
    campaign: Campaign = None,
    koc: Koc = None,
    days: Annotated[
        int | None,
        typer.Option(
            help="the first so many days of each product; --from and --to then choose products by their first sale",
            min=1,
            max=366,
        ),
    ] = None,
    limit: Limit = None,
    sort: Sort = SortFigure.NET_REVENUE,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    chart: ChartFile = None,
) -> None:
    """What each product sold and which commission it cost; --days 14 compares new products in their first days.

    Script fees and spend belong to contents and to no product, so that contribution is net revenue less commission.
    docs/reports.md defines every figure. --json prints one object with amounts in minor units.

    Examples: `koc report product`, `koc report product --days 14 --from 2026-11-01 --chart launch.svg`
    """
    asked = _Asked(since, to, brand, campaign, koc)
    _show_sales(SalesBy.PRODUCT, asked, _Output(limit, sort, as_json, as_csv, chart), days)


@app.command()
def offboarding(koc: Koc = None, as_json: AsJson = False, as_csv: AsCsv = False, chart: ChartFile = None) -> None:
    """What each KOC that left is still due, what of it is held and why, and what it owes back.

    Exit 1 if the KOC that was asked for has not left. --json prints one object with amounts in minor units.

    Examples: `koc report offboarding`, `koc report offboarding --koc k_59 --json`
    """
    from services.cli.offboarding_page import print_offboarding
    from services.settlement.reports.offboarding import offboarding_report
    from services.settlement.reports.offboarding_forms import offboarding_body, offboarding_csv

    form = _chart_form(chart, as_json=as_json, as_csv=as_csv)
    with _books() as (books, zone_minutes):
        found = offboarding_report(books, koc, zone_minutes)
    if as_json:
        print(json.dumps(offboarding_body(found)))
    elif as_csv:
        sys.stdout.writelines(offboarding_csv(found))
    else:
        print_offboarding(found)
    if koc is not None and not found:
        print(f"koc: {koc} has not left: no koc.left event names it", file=sys.stderr)
    elif chart is not None and form is not None:
        from services.settlement.reports.charts import offboarding_chart

        _write_chart(chart, lambda: offboarding_chart(found, form) if any(one.money for one in found) else None)
    sys.exit(1 if koc is not None and not found else 0)


def _show_sales(by: SalesBy, asked: _Asked, output: _Output, launch_days: int | None = None) -> None:
    """Read a sales report, print it, and draw it if a chart is asked for."""
    from services.cli.report_page import print_sales
    from services.settlement.reports.sales_forms import csv_lines, report_body, sorted_rows
    from services.settlement.reports.sales_report import sales_report

    form = _chart_form(output.chart, as_json=output.as_json, as_csv=output.as_csv)
    first, last = _day("--from", asked.since), _day("--to", asked.to)
    if first is not None and last is not None and first > last:
        raise typer.BadParameter(f"--from {first} is after --to {last}")
    with _books() as (books, zone_minutes):
        since = None if first is None else _begin(first, zone_minutes)
        until = None if last is None else _begin(last + timedelta(days=1), zone_minutes)
        selection = Selection(since, until, asked.brand, asked.campaign, asked.koc)
        report = sales_report(books, by, selection, launch_days)
    rows = sorted_rows(report, output.sort, output.limit)
    if output.as_json:
        print(json.dumps(report_body(report, rows)))
    elif output.as_csv:
        sys.stdout.writelines(csv_lines(report, rows))
    else:
        print_sales(report, sorted_rows(report, output.sort, output.limit or _PAGE_ROWS))
    if output.chart is not None and form is not None:
        from services.settlement.reports.charts import sales_chart

        _write_chart(output.chart, lambda: sales_chart(report, rows, form, zone_minutes) if rows else None)


def _chart_form(chart: Path | None, *, as_json: bool, as_csv: bool) -> "ChartForm | None":
    """What the chart's file is to be; refuses what cannot be done before the books are read."""
    if as_json and as_csv:
        raise typer.BadParameter("name one of --json and --csv")
    if chart is None:
        return None
    from services.settlement.reports.canvas import ChartForm

    try:
        form = ChartForm(chart.suffix.removeprefix(".").lower())
    except ValueError:
        raise typer.BadParameter(f"--chart {chart}: the file must end with .svg or .png") from None
    if not chart.parent.is_dir():
        raise typer.BadParameter(f"--chart {chart}: there is no folder {chart.parent}")
    return form


def _day(option: str, text: str | None) -> date | None:
    """A day that was typed."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone of its own
    except ValueError:
        raise typer.BadParameter(f"{option} {text}: write a day as 2026-11-01") from None


def _begin(day: date, zone_minutes: int) -> int:
    """The moment at which a day begins in a zone, microseconds."""
    from services.kernel.time import to_micros

    zone = timezone(timedelta(minutes=zone_minutes))
    return to_micros(datetime(day.year, day.month, day.day, tzinfo=zone))


@contextmanager
def _books() -> Iterator[tuple["ReportSnapshot", int]]:
    """A snapshot of the books as the role reader, and the settlement zone in minutes east of UTC."""
    from services.runtime.settings import settings
    from services.settlement.books.reader import books_reader
    from services.settlement.books.report_snapshot import report_snapshot

    with books_reader(options="-c statement_timeout=0") as reader, report_snapshot(reader) as books:
        stored = books.zone_minutes()
        yield books, settings().settlement_zone_minutes if stored is None else stored


def _write_chart(path: Path, draw: Callable[[], bytes | None]) -> None:
    """Write a chart, whole or not at all; exit 1 where there is nothing to draw."""
    from services.settlement.export.file import write_bytes

    picture = draw()
    if picture is None:
        print(f"koc: {path} is not written: there is nothing to draw", file=sys.stderr)
        sys.exit(1)
    write_bytes(picture, path)
