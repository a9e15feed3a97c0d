"""A sales report for a person: the rows, the totals, and how the sales came about."""

from typing import TYPE_CHECKING

from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.reporting.figures import SalesSums, ratio_text
from services.settlement.domain.reporting.grouping import SalesBy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from services.settlement.reports.sales_report import SalesReport, SalesRow, SharedSums

_AMOUNTS = {
    "gmv_minor": "GMV",
    "refunds_minor": "refunds",
    "net_revenue_minor": "net revenue",
    "commission_minor": "commission",
    "script_fee_minor": "script fee",
    "spend_minor": "spend",
    "contribution_minor": "contribution",
}
_OF_CONTENTS = {"script_fee_minor", "spend_minor"}

_WIDTH = 400
"""Columns: a table is as wide as its cells, whatever the terminal, so that no amount is cut."""


def print_sales(report: "SalesReport", rows: "Sequence[SalesRow]") -> None:
    """Print a report.

    Args:
        report: read.
        rows: those to show, in order.
    """
    from rich.console import Console
    from rich.table import Table

    from services.settlement.reports.sales_forms import label

    if not report.rows:
        print("the books have no sales, script fees or spend that this report counts")
        return
    amounts = [name for name in _AMOUNTS if report.by is not SalesBy.PRODUCT or name not in _OF_CONTENTS]
    table = Table(" · ".join(report.names), "currency", box=None, pad_edge=False)
    for title in ("orders", "buyers", *(_AMOUNTS[name] for name in amounts), "ROI", "boosted", "paid"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(label(report, row), row.currency, *_cells(row.sums, row.currency, amounts))
    for currency, total in report.totals.items():
        table.add_row("total", currency, *_cells(total, currency, amounts), style="bold")
    console = Console(soft_wrap=True, width=_WIDTH)
    console.print(table)
    if rest := len(report.rows) - len(rows):
        print(f"{len(report.rows):,} rows, {rest:,} of them not shown: --limit shows more")
    _print_parts(console, "traffic", report.traffic)
    _print_parts(console, "contents", report.promotion)


def _cells(sums: SalesSums, currency: str, amounts: "Iterable[str]") -> list[str]:
    """Counts, amounts, ROI, and which share of the net revenue came by boosted and by paid traffic."""
    roi = sums.roi_ppm
    return [
        f"{sums.orders:,}",
        f"{sums.buyers:,}",
        *(decimal_text(getattr(sums, name), currency) for name in amounts),
        "" if roi is None else ratio_text(roi),
        percent(sums.boosted_minor, sums.net_revenue_minor),
        percent(sums.paid_minor, sums.net_revenue_minor),
    ]


def percent(part: int, whole: int) -> str:
    """A share with one decimal, rounded half up; empty where there is no whole."""
    if whole <= 0:
        return ""
    tenths = (2_000 * part + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10} %"


def _print_parts(console: "Console", title: str, parts: "Sequence[SharedSums]") -> None:
    """How the net revenue of each currency falls apart."""
    from rich.table import Table

    if not parts:
        return
    table = Table(title, "currency", box=None, pad_edge=False)
    for name in ("lines", "GMV", "refunds", "net revenue", "share", "commission"):
        table.add_column(name, justify="right")
    wholes: dict[str, int] = {}
    for part in parts:
        wholes[part.currency] = wholes.get(part.currency, 0) + part.sums.net_revenue_minor
    for currency, name, sums in parts:
        amounts = [decimal_text(amount, currency) for amount in (
            sums.gmv_minor, sums.refunds_minor, sums.net_revenue_minor, sums.commission_minor,
        )]  # fmt: skip
        share = percent(sums.net_revenue_minor, wholes[currency])
        table.add_row(name.replace("_", " "), currency, f"{sums.lines:,}", *amounts[:3], share, amounts[3])
    console.print()
    console.print(table)
