"""Reports with charts: what contents, KOCs, campaigns, products and families sold and cost, as of a moment."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.console.actions import check_form_token
from services.console.listed import listed
from services.console.render import CSV, moment, render
from services.console.reports.compute import StoredReport
from services.console.reports.library import AskedReport
from services.console.reports.question import ReportQuestion
from services.console.state import console_of
from services.console.tables import CellKind, Column, PageTable, RowKey
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.settlement.domain.reporting.figures import NO_CREDIT, TRAFFIC, SalesSums, SortFigure, ratio_text
from services.settlement.domain.reporting.grouping import SalesBy
from services.settlement.reports.sales_forms import ATTRIBUTES, amount_names, sort_key
from services.settlement.reports.sales_report import SalesReport, SalesRow

MOST_BARS = 20
_TITLES = {
    SalesBy.CONTENT: "Contents",
    SalesBy.KOC: "KOCs",
    SalesBy.CAMPAIGN: "Campaigns",
    SalesBy.PRODUCT: "Products",
    SalesBy.FAMILY: "Content families over platforms",
}
_NAMES = {
    "content_id": "Content", "koc_id": "KOC", "campaign_id": "Campaign", "brand_id": "Brand", "product_id": "Product",
    "content_family_id": "Content family", "platform": "Platform",
}  # fmt: skip
_SHOWN = {
    "net_revenue_minor": "Sold, after refunds", "gmv_minor": "GMV", "refunds_minor": "Refunds",
    "commission_minor": "Commission", "koc_minor": "Earned by the KOC", "script_fee_minor": "Script fees",
    "spend_minor": "Paid traffic", "contribution_minor": "Contribution", "natural_minor": "By natural traffic",
    "boosted_minor": "By boosted traffic", "paid_minor": "By paid traffic", "no_credit_minor": "Without credit",
}  # fmt: skip
"""Amounts on the page; `koc report --csv` has them all."""

_SORTS = {
    SortFigure.NET_REVENUE: "Sold, after refunds",
    SortFigure.COMMISSION: "Commission",
    SortFigure.CONTRIBUTION: "Contribution",
    SortFigure.ROI: "ROI",
    SortFigure.REFUNDS: "Refunds",
    SortFigure.ORDERS: "Orders",
}
_TRAFFIC_WORDS = dict(zip((*TRAFFIC, NO_CREDIT), ("Natural", "Boosted", "Paid traffic", "Without credit"), strict=True))
_LINKS = {"content_id": "content", "brand_id": "brand"}


class SalesBar(NamedTuple):
    """A row as a bar: `parts` are class, English name, amount and length in thousandths of the longest bar."""

    names: Sequence[CellValue]
    parts: Sequence[tuple[str, str, MoneyCell, int]]
    sold: MoneyCell
    roi: str | None


class CurrencyFigures(NamedTuple):
    """The totals of a report in one currency, how the sales came about, and the rows that sold most as bars."""

    currency: str
    amounts: Sequence[tuple[str, MoneyCell]]
    orders: int
    buyers: int
    roi: str | None
    traffic: Sequence[tuple[str, str, MoneyCell, int]]
    bars: Sequence[SalesBar]
    rows: int


def show_reports(request: Request) -> Response:
    """A report as far as there is one, and the form that asks for it."""
    question = ReportQuestion.read(request.query_params)
    sort = _sort(request)
    console = console_of(request)
    asked = console.reports.ask(console.jobs, question)
    here = {**question.parameters(), "sort": sort.value}
    progress: dict[str, Any] = {
        "progress": _progress(asked), "is_under_way": asked.is_under_way, "here": f"/reports?{urlencode(here)}",
    }  # fmt: skip
    if request.query_params.get("part") == "progress":
        # a page that waits loads itself anew once there is something to see
        if not asked.is_under_way:
            return Response(headers={"hx-refresh": "true"})
        return render(request, "report_progress.html", **progress)
    stored = asked.stored
    if stored is None and CSV in request.query_params:
        raise HTTPException(503, "The report is being computed. Ask for its CSV again in a moment.")
    values: dict[str, Any] = {
        **progress, "question": question, "sort": sort, "sorts": _SORTS, "titles": _TITLES,
        "as_of": None if stored is None else moment(stored.as_of),
        "currencies": [] if stored is None else currency_figures(stored, sort),
    }  # fmt: skip
    tables = [] if stored is None else [sales_table(stored, sort)]
    return render(request, "report.html", room="Reports", tables=tables, **values)


async def compute_anew(request: Request) -> Response:
    """Compute a report once more; everybody who may read may ask for that, so nobody has to sign in."""
    async with request.form(max_files=0, max_fields=20) as form:
        check_form_token(request, form)
        given = {name: value for name, value in form.items() if isinstance(value, str)}
    question = ReportQuestion.read(given)
    console = console_of(request)
    if console.reports.begin(console.jobs, question) is None:
        raise HTTPException(409, "Another report is being computed. Ask for this one again when that is done.")
    return RedirectResponse(f"/reports?{urlencode(question.parameters())}", 303)


def currency_figures(stored: StoredReport, sort: SortFigure) -> list[CurrencyFigures]:
    """What the page shows above the table."""
    report, found = stored.report, []
    for currency, total in report.totals.items():
        of_currency = (row for row in stored.ranked(sort) if row.currency == currency and row.is_credited)
        own = list(islice(of_currency, MOST_BARS))
        longest = max((_length(row.sums) for row in own), default=0)
        found.append(
            CurrencyFigures(
                currency,
                [(title, MoneyCell(getattr(total, name), currency)) for name, title in _amounts(report)[:7]],
                total.orders,
                total.buyers,
                _roi(total),
                _parts(total, currency, _length(total)),
                [
                    SalesBar(
                        _names(report, row),
                        _parts(row.sums, currency, longest),
                        MoneyCell(row.sums.net_revenue_minor, currency),
                        _roi(row.sums),
                    )
                    for row in own
                ],
                sum(row.currency == currency and row.is_credited for row in report.rows),
            )
        )
    return found


def sales_table(stored: StoredReport, sort: SortFigure) -> PageTable:
    """All rows of a report, the greatest first."""
    report = stored.report
    attributes = ATTRIBUTES if report.by is SalesBy.CONTENT else ()
    amounts = _amounts(report)
    columns = [
        *(Column(name, _NAMES[name], CellKind.CODE) for name in (*report.names, *attributes)),
        Column("orders", "Orders", CellKind.NUMBER),
        Column("lines", "Lines", CellKind.NUMBER),
        Column("buyers", "Buyers", CellKind.NUMBER),
        *(Column(name.removesuffix("_minor"), title, CellKind.NUMBER) for name, title in amounts),
        Column("roi", "ROI", CellKind.NUMBER),
        Column("currency", "Currency"),
    ]

    def cells(row: SalesRow) -> list[CellValue]:
        sums = row.sums
        content = stored.content(row.key[0])
        return [
            *_names(report, row),
            *(_linked(name, getattr(content, name)) for name in attributes),
            sums.orders,
            sums.lines,
            sums.buyers,
            *(MoneyCell(getattr(sums, name), row.currency) for name, _ in amounts),
            _roi(sums),
            row.currency,
        ]

    def place(row: SalesRow) -> RowKey:
        return sort_key(row, sort)

    read = listed(stored.ranked(sort), place, cells)
    return PageTable(
        "rows", _TITLES[report.by], columns, read, "The books have no sales, script fees or spend that this counts."
    )


def _sort(request: Request) -> SortFigure:
    try:
        return SortFigure(request.query_params.get("sort", SortFigure.NET_REVENUE))
    except ValueError:
        return SortFigure.NET_REVENUE


def _progress(asked: AskedReport) -> str | None:
    """How far the computing is, or why it failed."""
    if asked.job is None:
        return "It begins when another report is done." if asked.is_under_way else None
    return asked.job.problem or (asked.job.lines[-1] if asked.job.lines else "The books are being read.")


def _amounts(report: SalesReport) -> list[tuple[str, str]]:
    """Names and headings of the amounts that this report has."""
    has = amount_names(report.by)
    return [(name, title) for name, title in _SHOWN.items() if name in has]


def _roi(sums: SalesSums) -> str | None:
    return None if sums.roi_ppm is None else ratio_text(sums.roi_ppm)


def _names(report: SalesReport, row: SalesRow) -> list[CellValue]:
    if not row.is_credited:
        return [WordsCell("(no credit)"), *[None] * (len(row.key) - 1)]
    named = [_linked(name, value) for name, value in zip(report.names, row.key, strict=True)]
    return [WordsCell("(none)") if cell is None else cell for cell in named]


def _linked(name: str, value: str | None) -> CellValue:
    if value is None:
        return None
    if name == "koc_id":
        return LinkCell(value, path("party", f"koc:{value}"))
    return LinkCell(value, path(_LINKS[name], value)) if name in _LINKS else value


def _length(sums: SalesSums) -> int:
    """Of a bar: parts below zero have none."""
    return sum(max(0, getattr(sums, f"{part}_minor")) for part in _TRAFFIC_WORDS)


def _parts(sums: SalesSums, currency: str, whole: int) -> list[tuple[str, str, MoneyCell, int]]:
    """Net revenue by traffic; lengths are thousandths of `whole`."""
    amounts = {part: getattr(sums, f"{part}_minor") for part in _TRAFFIC_WORDS}
    return [
        (part, _TRAFFIC_WORDS[part], MoneyCell(amount, currency), 1000 * max(0, amount) // whole if whole else 0)
        for part, amount in amounts.items()
    ]


ROUTES = (Route("/reports", show_reports), Route("/reports", compute_anew, methods=["POST"]))
