"""Sales reports with made-up sums, for tests of how they are shown."""

from typing import Any

from services.settlement.domain.reporting.figures import NO_CREDIT, SalesSums
from services.settlement.domain.reporting.grouping import Grouping, RegisteredContent, SalesBy, Selection
from services.settlement.reports.sales_report import SalesReport, SalesRow, SharedSums


def sums(natural: int = 0, boosted: int = 0, paid: int = 0, no_credit: int = 0, **others: int) -> SalesSums:
    """Sums whose net revenue came so; nothing was refunded unless `others` say so."""
    net = natural + boosted + paid + no_credit
    return SalesSums(**{"orders": 2, "lines": 3, "buyers": 1, "gmv_minor": net, "net_revenue_minor": net,
                        "natural_minor": natural, "boosted_minor": boosted, "paid_minor": paid,
                        "no_credit_minor": no_credit, **others})  # fmt: skip


def row(*key: str | None, of: SalesSums, currency: str = "CNY", is_credited: bool = True, days: Any = ()) -> SalesRow:
    return SalesRow(key, is_credited, currency, of, list(days))


def report(by: SalesBy, *rows: SalesRow, launch_days: int | None = None, **more: Any) -> SalesReport:
    """A report of these rows; totals and parts are those of its first row."""
    contents = {"v_1": RegisteredContent("k_1", "douyin", "br_2", None, "=f_1")}
    made = SalesReport(by, Selection(**more), launch_days, list(rows), grouping=Grouping(by, contents))
    made.totals = {one.currency: one.sums for one in rows[:1]}
    made.traffic = [SharedSums(one.currency, part, one.sums) for one in rows[:1] for part in ("natural", NO_CREDIT)]
    made.promotion = [SharedSums(one.currency, "with_spend", one.sums) for one in rows[:1]]
    return made
