"""A sales report as JSON and as CSV, and the order of its rows. docs/reports.md defines every figure."""

from collections.abc import Iterable, Iterator

from services.kernel.time import format_rfc3339
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.reporting.figures import COUNTS, NO_CREDIT, TRAFFIC, SalesSums, SortFigure, ratio_text
from services.settlement.domain.reporting.grouping import SalesBy
from services.settlement.reports.csv_line import csv_line
from services.settlement.reports.sales_report import SalesReport, SalesRow, SharedSums

_SALES = ("gmv_minor", "refunds_minor", "net_revenue_minor")
_COMMISSION = ("commission_minor", "accrued_minor", "settled_minor", "clawed_back_minor", "koc_minor")
_COSTS = (
    "script_fee_minor", "spend_minor", "spend_brand_minor", "spend_platform_minor", "spend_koc_minor",
)  # fmt: skip
_BY_TRAFFIC = tuple(f"{traffic}_minor" for traffic in (*TRAFFIC, NO_CREDIT))
_NO_NAME = {"content_id": "(none)", "platform": "(not registered)", "content_family_id": "(no family)"}
ATTRIBUTES = ("koc_id", "platform", "brand_id", "campaign_id", "content_family_id")
"""What the registry says of a content, beside it in a row."""


def amount_names(by: SalesBy) -> tuple[str, ...]:
    """The money figures that a report has: script fees and spend are of no product."""
    if by is SalesBy.PRODUCT:
        return *_SALES, *_COMMISSION, "contribution_minor", *_BY_TRAFFIC
    return *_SALES, *_COMMISSION, *_COSTS, "contribution_minor", *_BY_TRAFFIC


def sorted_rows(report: SalesReport, figure: SortFigure, limit: int | None) -> list[SalesRow]:
    """Rows by currency, then by the figure, the greatest first, then by their names.

    Args:
        report: read.
        figure: decides; a row that lacks it comes last.
        limit: at most so many rows of each currency; None = all.
    """
    found: list[SalesRow] = []
    shown: dict[str, int] = {}
    for row in sorted(report.rows, key=lambda one: sort_key(one, figure)):
        shown[row.currency] = shown.get(row.currency, 0) + 1
        if limit is None or shown[row.currency] <= limit:
            found.append(row)
    return found


def sort_key(row: SalesRow, figure: SortFigure) -> tuple[str | int, ...]:
    """Where a row stands among those of its report: unique, and the same in a later report with the same figures."""
    value = row.sums.figure(figure)
    names = [name or "" for name in row.key]
    return row.currency, int(value is None), -(value or 0), *names, int(row.is_credited)


def label(report: SalesReport, row: SalesRow) -> str:
    """A row's names for a person."""
    if not row.is_credited:
        return "(no credit)"
    return " · ".join(name or _NO_NAME.get(field, "(none)") for field, name in zip(report.names, row.key, strict=True))


def report_body(report: SalesReport, rows: Iterable[SalesRow]) -> dict[str, object]:
    """The report as one JSON object; amounts in minor units."""
    selection = report.selection
    return {
        "report": report.by.value,
        "filters": {
            "since": None if selection.since is None else format_rfc3339(selection.since),
            "until": None if selection.until is None else format_rfc3339(selection.until),
            "brand_id": selection.brand_id,
            "campaign_id": selection.campaign_id,
            "koc_id": selection.koc_id,
            "launch_days": report.launch_days,
        },
        "rows_total": len(report.rows),
        "rows": [_row_body(report, row) for row in rows],
        "totals": [{"currency": of, **_figures(report.by, sums)} for of, sums in report.totals.items()],
        "traffic": [_part_body("traffic", part) for part in report.traffic],
        "promotion": [_part_body("promotion", part) for part in report.promotion],
    }


def _row_body(report: SalesReport, row: SalesRow) -> dict[str, object]:
    body: dict[str, object] = dict(zip(report.names, row.key, strict=True))
    body["is_credited"] = row.is_credited
    if report.by is SalesBy.CONTENT:
        body |= _attributes(report, row)
    body |= {"currency": row.currency, **_figures(report.by, row.sums)}
    if report.launch_days is not None:
        body["first_sale_at"] = format_rfc3339(report.first_sales[row.key[0] or "", row.key[1] or ""])
        body["net_revenue_by_day_minor"] = row.days
    return body


def _attributes(report: SalesReport, row: SalesRow) -> dict[str, str | None]:
    """What the registry says of a row's content."""
    content = report.grouping.content(row.key[0])
    return {name: getattr(content, name) for name in ATTRIBUTES}


def _figures(by: SalesBy, sums: SalesSums) -> dict[str, int | None]:
    counts = {name: getattr(sums, name) for name in COUNTS}
    amounts = {name: getattr(sums, name) for name in amount_names(by)}
    return {**counts, **amounts, "roi_ppm": sums.roi_ppm}


def _part_body(name: str, part: SharedSums) -> dict[str, object]:
    """A share by traffic or promotion: it has no buyers, fees or spend."""
    sums = part.sums
    amounts = {figure: getattr(sums, figure) for figure in (*_SALES, "commission_minor")}
    return {"currency": part.currency, name: part.part, "orders": sums.orders, "lines": sums.lines, **amounts}


def csv_lines(report: SalesReport, rows: Iterable[SalesRow]) -> Iterator[str]:
    """A header, then a row a line; amounts in the currency's decimals, `roi` with two decimals."""
    amounts = amount_names(report.by)
    attributes = ATTRIBUTES if report.by is SalesBy.CONTENT else ()
    launch = ("first_sale_at",) if report.launch_days is not None else ()
    columns = [*report.names, "is_credited", *attributes, *launch, "currency", *COUNTS]
    yield csv_line([*columns, *(name.removesuffix("_minor") for name in amounts), "roi"])
    for row in rows:
        body, sums = _row_body(report, row), row.sums
        body["is_credited"] = "yes" if row.is_credited else "no"
        texts = ["" if body[name] is None else str(body[name]) for name in columns]
        texts += [decimal_text(getattr(sums, name), row.currency) for name in amounts]
        yield csv_line([*texts, "" if sums.roi_ppm is None else ratio_text(sums.roi_ppm)])
