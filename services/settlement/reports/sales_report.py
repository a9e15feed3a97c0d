"""Sales by content, family, KOC, campaign or product: one pass over the lines, then script fees and spend.

The memory that it takes grows with the rows of the report and with the registry, not with the lines.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from services.kernel.time import DAY
from services.settlement.books.report_port import ProductName, ReportBooks
from services.settlement.domain.pricing.facts import ACCEPTED, CONTENT, SPEND, spend_of
from services.settlement.domain.reporting.figures import NO_CREDIT, TRAFFIC, SalesSums
from services.settlement.domain.reporting.grouping import (
    NAMES,
    Grouping,
    GroupKey,
    SalesBy,
    Selection,
    registered_content,
)
from services.settlement.domain.reporting.line_shares import LineShare, SoldLine, share_line
from services.settlement.domain.settling.contents import KOC_PAYS, PLATFORM_PAYS, Spend
from services.settlement.domain.settling.place import owed_by
from services.settlement.reports.distinct import DistinctBuyers

WITH_SPEND, WITHOUT_SPEND = "with_spend", "without_spend"
PROMOTION = (WITH_SPEND, WITHOUT_SPEND, NO_CREDIT)
"""Contents on which spend was reported, others, and lines without credit."""


class SalesRow(NamedTuple):
    """A row: its names, its currency, its sums, and net revenue by day since the first sale (products' launch only).

    `is_credited` is false for lines without credit; a name may be None then, and also where the registry or the touch
    names none.
    """

    key: GroupKey
    is_credited: bool
    currency: str
    sums: SalesSums
    days: list[int]


class SharedSums(NamedTuple):
    """Sums of one part of a currency's sales: `part` is a word of TRAFFIC or PROMOTION, or NO_CREDIT."""

    currency: str
    part: str
    sums: SalesSums


@dataclass
class SalesReport:
    """What was asked for and what came of it.

    `launch_days`: how many days of each product count, since its first sale; None = all days.
    """

    by: SalesBy
    selection: Selection
    launch_days: int | None
    rows: list[SalesRow] = field(default_factory=list)
    totals: dict[str, SalesSums] = field(default_factory=dict)
    traffic: list[SharedSums] = field(default_factory=list)
    promotion: list[SharedSums] = field(default_factory=list)
    grouping: Grouping = field(default_factory=lambda: Grouping(SalesBy.CONTENT, {}))
    first_sales: Mapping[ProductName, int] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """What names a row."""
        return NAMES[self.by]


def sales_report(books: ReportBooks, by: SalesBy, selection: Selection, launch_days: int | None = None) -> SalesReport:
    """Read the books.

    Args:
        books: one snapshot.
        by: what a row stands for.
        selection: what counts. With `launch_days` its range chooses the products by their first sale, and then all
            lines of these days count.
        launch_days: days of 24 hours since the first sale of a product; None = all.
    """
    contents = {name: registered_content(event.body) for name, event in books.facts(CONTENT).items()}
    report = SalesReport(by, selection, launch_days, grouping=Grouping(by, contents))
    with DistinctBuyers() as buyers:
        _Reading(books, report, buyers).read()
    return report


class _Reading:
    """One pass over the books into a report."""

    def __init__(self, books: ReportBooks, report: SalesReport, buyers: DistinctBuyers) -> None:
        self._books, self._report, self._buyers = books, report, buyers
        self._grouping, self._selection = report.grouping, report.selection
        self._rows: dict[tuple[GroupKey, bool, str], SalesRow] = {}
        self._numbers: dict[int, SalesSums] = {}
        self._number_of: dict[int, int] = {}
        self._traffic: dict[tuple[str, str], SalesSums] = {}
        self._promotion: dict[tuple[str, str], SalesSums] = {}

    def read(self) -> None:
        """Spend first, as it says which contents are promoted; then lines; then script fees."""
        spends = list(self._spends())
        promoted = {(spend.content_id, spend.currency) for spend in spends if spend.amount_minor}
        reference = self._books.reference()
        for line in self._lines():
            self._add_line(line, share_line(line, reference), promoted)
        for spend in spends:
            self._add_spend(spend)
        self._add_fees()
        self._finish()

    # lines

    def _lines(self) -> Iterator[SoldLine]:
        """The lines that count; of a launch those of a product's first days."""
        days, selection = self._report.launch_days, self._selection
        if days is None:
            yield from self._books.sold_lines(selection)
            return
        first_sales = self._books.first_sales()
        self._report.first_sales = {name: at for name, at in first_sales.items() if selection.has_moment(at)}
        for line in self._books.sold_lines(selection._replace(until=None)):
            first = self._report.first_sales.get((line.brand_id, line.assertion.product_id))
            if first is not None and 0 <= line.paid_at - first < days * DAY:
                yield line

    def _add_line(self, line: SoldLine, shares: list[LineShare], promoted: set[tuple[str, str]]) -> None:
        """Add each share to its row, to its currency's total and to its parts; a line counts once in each of them."""
        touched: dict[int, SalesSums] = {}
        for share in shares:
            if not self._grouping.has_share(self._selection, share):
                continue
            row = self._row(self._grouping.of_share(line, share), line.currency, is_credited=share.is_credited)
            if row.days:
                row.days[(line.paid_at - self._first_sale(line)) // DAY] += share.net_revenue_minor
            everywhere = [row.sums, self._total(line.currency)]
            if share.is_sale:
                everywhere += self._parts(line.currency, share, promoted)
                touched.update((id(sums), sums) for sums in everywhere)
            for sums in everywhere:
                sums.add(share)
        order_id, _, buyer_id = line.key
        for sums in touched.values():
            sums.count(order_id)
            if (number := self._number_of.get(id(sums))) is not None:
                self._buyers.add(number, buyer_id)

    def _first_sale(self, line: SoldLine) -> int:
        return self._report.first_sales[line.brand_id, line.assertion.product_id]

    def _parts(self, currency: str, share: LineShare, promoted: set[tuple[str, str]]) -> list[SalesSums]:
        """The sums by traffic and by promotion that a sale belongs to."""
        traffic = share.traffic or NO_CREDIT
        promotion = NO_CREDIT
        if share.content_id is not None:
            promotion = WITH_SPEND if (share.content_id, currency) in promoted else WITHOUT_SPEND
        return [
            self._traffic.setdefault((currency, traffic), SalesSums()),
            self._promotion.setdefault((currency, promotion), SalesSums()),
        ]

    # script fees and spend

    def _spends(self) -> Iterator[Spend]:
        """Spend that was reported in the range on selected contents."""
        if self._report.by is SalesBy.PRODUCT:
            return
        for event in self._books.facts(SPEND).values():
            spend = spend_of(event.body)
            if self._counts(spend.content_id, event.occurred_at):
                yield spend

    def _add_spend(self, spend: Spend) -> None:
        for sums in self._sums_of(spend.content_id, spend.currency):
            if spend.paid_by == PLATFORM_PAYS:
                sums.spend_platform_minor += spend.amount_minor
            elif spend.paid_by == KOC_PAYS:
                sums.spend_koc_minor += spend.amount_minor
            else:
                sums.spend_brand_minor += spend.amount_minor

    def _add_fees(self) -> None:
        """What is owed for scripts that were accepted in the range."""
        accepted = self._books.facts(ACCEPTED)
        for fee in self._books.script_fees():
            owed = sum(owed_by(fee.booked, fee.settled).values())
            event = accepted.get(fee.content_id)
            if owed and event is not None and self._counts(fee.content_id, event.occurred_at):
                for sums in self._sums_of(fee.content_id, fee.currency):
                    sums.script_fee_minor += owed

    def _counts(self, content_id: str, at: int) -> bool:
        content = self._grouping.content(content_id)
        return self._selection.has_moment(at) and self._selection.has_content(content)

    def _sums_of(self, content_id: str, currency: str) -> list[SalesSums]:
        """The row and the total of a content; none where the report has neither fees nor spend."""
        key = self._grouping.of_content(content_id)
        return [] if key is None else [self._row(key, currency, is_credited=True).sums, self._total(currency)]

    # rows

    def _row(self, key: GroupKey, currency: str, *, is_credited: bool) -> SalesRow:
        name = key, is_credited or self._report.by is SalesBy.PRODUCT, currency
        row = self._rows.get(name)
        if row is None:
            days = [0] * (self._report.launch_days or 0)
            row = self._rows[name] = SalesRow(*name, self._counted(SalesSums()), days)
        return row

    def _total(self, currency: str) -> SalesSums:
        total = self._report.totals.get(currency)
        if total is None:
            total = self._report.totals[currency] = self._counted(SalesSums())
        return total

    def _counted(self, sums: SalesSums) -> SalesSums:
        """Sums whose buyers are counted."""
        number = len(self._numbers)
        self._numbers[number] = sums
        self._number_of[id(sums)] = number
        return sums

    def _finish(self) -> None:
        """Buyers, and the order of everything."""
        for number, buyers in self._buyers.counts().items():
            self._numbers[number].buyers = buyers
        report = self._report
        report.rows = list(self._rows.values())
        report.totals = dict(sorted(report.totals.items()))
        report.traffic = _in_order(self._traffic, (*TRAFFIC, NO_CREDIT))
        report.promotion = [] if report.by is SalesBy.PRODUCT else _in_order(self._promotion, PROMOTION)


def _in_order(sums: Mapping[tuple[str, str], SalesSums], parts: tuple[str, ...]) -> list[SharedSums]:
    """By currency, then in the order of the parts."""
    found = [SharedSums(currency, part, one) for (currency, part), one in sums.items()]
    return sorted(found, key=lambda one: (one.currency, parts.index(one.part)))
