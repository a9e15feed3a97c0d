"""What contents sold, cost and earned, for the pages of KOCs, brands and contents: from the newest report."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from starlette.requests import Request

from services.console.listed import listed
from services.console.render import moment
from services.console.reports.compute import StoredReport
from services.console.reports.library import AskedReport
from services.console.reports.question import EVERY_CONTENT, ReportQuestion
from services.console.state import console_of
from services.console.tables import CellKind, Column, PageTable, RowKey
from services.console.values import CellValue, LinkCell, MomentCell, MoneyCell, path
from services.kernel.money import MILLION
from services.kernel.time import SECOND, to_micros
from services.settlement.domain.reporting.figures import SalesSums, ratio_text
from services.settlement.domain.reporting.grouping import RegisteredContent

STALE_SECONDS = 600
"""Older figures are computed anew when somebody looks at them."""

_STALE_TURNS = 20
"""But never more often than so many times as long as it takes."""

_TRAFFIC_NAMES = {"natural": "Natural", "boosted": "Boosted", "paid": "Paid traffic"}
_COLUMNS = (
    Column("content_id", "Content", CellKind.CODE),
    Column("koc_id", "KOC", CellKind.CODE),
    Column("brand_id", "Brand", CellKind.CODE),
    Column("orders", "Orders", CellKind.NUMBER),
    Column("net_revenue", "Sold, after refunds", CellKind.NUMBER),
    Column("koc", "Earned by the KOC", CellKind.NUMBER),
    Column("cost", "Cost", CellKind.NUMBER),
    Column("roi", "ROI", CellKind.NUMBER),
    Column("natural", "By natural traffic", CellKind.NUMBER),
    Column("boosted", "By boosted traffic", CellKind.NUMBER),
    Column("paid", "By paid traffic", CellKind.NUMBER),
    Column("currency", "Currency"),
)


class ContentFigure(NamedTuple):
    """A content's figures in one currency; `sums` as docs/reports.md defines them."""

    content_id: str
    content: RegisteredContent
    currency: str
    sums: SalesSums


class ContentTotal(NamedTuple):
    """What contents come to in one currency. `parts` is a bar of what they sold, by how buyers came: class of the
    stylesheet, English name, amount, and share of all in thousandths. `roi` is None where nothing was spent.
    """

    currency: str
    sold: MoneyCell
    earned: MoneyCell
    cost: MoneyCell
    roi: str | None
    parts: Sequence[tuple[str, str, MoneyCell, int]]


class ContentFigures(NamedTuple):
    """The figures of some contents.

    Attributes:
        as_of: the moment of the books from which they are; None = there are none yet, and `rows` is empty.
        rows: by currency, those that sold most first.
        totals: of all of them, by currency.
        is_under_way: whether newer ones are being computed.
        progress: how far that is, in English; None = nothing is known.
    """

    as_of: MomentCell | None
    rows: Sequence[ContentFigure]
    totals: Sequence[ContentTotal]
    is_under_way: bool
    progress: str | None


def content_figures(
    request: Request, *, koc_id: str | None = None, brand_id: str | None = None, content_id: str | None = None
) -> ContentFigures:
    """The figures of a KOC's contents, of contents at a brand, or of one content; computes them where that is due.

    Args:
        request: asks.
        koc_id: whose contents.
        brand_id: what contents sold of this brand.
        content_id: this content alone.
    """
    asked = _newest(request, EVERY_CONTENT._replace(brand_id=brand_id))
    job = asked.job
    progress = None if job is None else (job.problem or (job.lines[-1] if job.lines else None))
    if asked.stored is None:
        return ContentFigures(None, [], [], asked.is_under_way, progress)
    rows = [
        one
        for one in _figures(asked.stored)
        if koc_id in (None, one.content.koc_id) and content_id in (None, one.content_id)
    ]
    return ContentFigures(moment(asked.stored.as_of), rows, _totals(rows), asked.is_under_way, progress)


def figures_table(figures: ContentFigures, title: str = "Contents") -> PageTable:
    """The figures as a table of a page, named `content-figures`.

    Args:
        figures: of `content_figures`.
        title: above it, in English.
    """
    read = listed(figures.rows, _place, _cells)
    return PageTable("content-figures", title, _COLUMNS, read, "There are no figures of contents.")


def _place(one: ContentFigure) -> RowKey:
    return one.currency, -one.sums.net_revenue_minor, one.content_id


def _newest(request: Request, question: ReportQuestion) -> AskedReport:
    """The report of contents; one that is old is computed anew meanwhile."""
    console = console_of(request)
    asked = console.reports.ask(console.jobs, question)
    stored = asked.stored
    if stored is None or asked.job is not None:
        return asked
    age = to_micros(datetime.now(UTC)) - stored.as_of
    if age > SECOND * max(STALE_SECONDS, _STALE_TURNS * stored.seconds):
        return console.reports.ask(console.jobs, question, is_anew=True)
    return asked


def _figures(stored: StoredReport) -> list[ContentFigure]:
    return [
        ContentFigure(row.key[0], stored.content(row.key[0]), row.currency, row.sums)
        for row in stored.report.rows
        if row.is_credited and row.key[0] is not None
    ]


def _totals(rows: Sequence[ContentFigure]) -> list[ContentTotal]:
    found: dict[str, list[SalesSums]] = {}
    for row in rows:
        found.setdefault(row.currency, []).append(row.sums)
    return [_total(currency, found[currency]) for currency in sorted(found)]


def _total(currency: str, every: Sequence[SalesSums]) -> ContentTotal:
    """Sums over contents; their traffic as a bar."""
    sold, cost = sum(one.net_revenue_minor for one in every), sum(one.cost_minor for one in every)
    traffic = {part: sum(getattr(one, f"{part}_minor") for one in every) for part in _TRAFFIC_NAMES}
    whole = sum(max(0, amount) for amount in traffic.values())
    parts = [
        (part, _TRAFFIC_NAMES[part], MoneyCell(amount, currency), 1000 * max(0, amount) // whole if whole else 0)
        for part, amount in traffic.items()
    ]
    return ContentTotal(
        currency,
        MoneyCell(sold, currency),
        MoneyCell(sum(one.koc_minor for one in every), currency),
        MoneyCell(cost, currency),
        ratio_text((sold - cost) * MILLION // cost) if cost else None,
        parts,
    )


def _cells(one: ContentFigure) -> list[CellValue]:
    sums, content = one.sums, one.content
    amounts = (sums.net_revenue_minor, sums.koc_minor, sums.cost_minor)
    parts = (sums.natural_minor, sums.boosted_minor, sums.paid_minor)
    return [
        LinkCell(one.content_id, path("content", one.content_id)),
        None if content.koc_id is None else LinkCell(content.koc_id, path("party", f"koc:{content.koc_id}")),
        None if content.brand_id is None else LinkCell(content.brand_id, path("brand", content.brand_id)),
        sums.orders,
        *(MoneyCell(amount, one.currency) for amount in amounts),
        None if sums.roi_ppm is None else ratio_text(sums.roi_ppm),
        *(MoneyCell(amount, one.currency) for amount in parts),
        one.currency,
    ]
