"""Sums of a report's row, and the figures that follow from them. docs/reports.md defines each once."""

from dataclasses import dataclass
from enum import StrEnum

from services.kernel.money import MILLION
from services.settlement.domain.reporting.line_shares import LineShare

TRAFFIC = ("natural", "boosted", "paid")
"""How a credited touch came, as the contract has it."""
NO_CREDIT = "no_credit"
"""Instead of it, for lines without credit."""

COUNTS = ("orders", "lines", "buyers")


class SortFigure(StrEnum):
    """What rows are sorted by, the greatest first."""

    NET_REVENUE = "net_revenue"
    GMV = "gmv"
    REFUNDS = "refunds"
    COMMISSION = "commission"
    SPEND = "spend"
    CONTRIBUTION = "contribution"
    ROI = "roi"
    ORDERS = "orders"
    BUYERS = "buyers"


@dataclass(slots=True)
class SalesSums:
    """Sums over shares of lines, script fees and spend, all of one currency. Amounts are minor units.

    `buyers` is filled in at the end by whoever counts them. The four last amounts are parts of `net_revenue_minor`.
    """

    lines: int = 0
    orders: int = 0
    buyers: int = 0
    gmv_minor: int = 0
    net_revenue_minor: int = 0
    accrued_minor: int = 0
    settled_minor: int = 0
    clawed_back_minor: int = 0
    koc_minor: int = 0
    script_fee_minor: int = 0
    spend_brand_minor: int = 0
    spend_platform_minor: int = 0
    spend_koc_minor: int = 0
    natural_minor: int = 0
    boosted_minor: int = 0
    paid_minor: int = 0
    no_credit_minor: int = 0
    _last_order: str = ""

    def add(self, share: LineShare) -> None:
        """Take in a share's money."""
        self.gmv_minor += share.gmv_minor
        self.net_revenue_minor += share.net_revenue_minor
        self.accrued_minor += share.accrued_minor
        self.settled_minor += share.settled_minor
        self.clawed_back_minor += share.clawed_back_minor
        self.koc_minor += share.koc_minor
        if share.traffic == "natural":
            self.natural_minor += share.net_revenue_minor
        elif share.traffic == "boosted":
            self.boosted_minor += share.net_revenue_minor
        elif share.traffic == "paid":
            self.paid_minor += share.net_revenue_minor
        else:
            self.no_credit_minor += share.net_revenue_minor

    def count(self, order_id: str) -> None:
        """Count a line of an order; lines come sorted by order."""
        self.lines += 1
        if order_id != self._last_order:
            self.orders += 1
            self._last_order = order_id

    @property
    def refunds_minor(self) -> int:
        """What was taken back of the goods."""
        return self.gmv_minor - self.net_revenue_minor

    @property
    def commission_minor(self) -> int:
        """What brands owe for the lines now."""
        return self.accrued_minor + self.settled_minor - self.clawed_back_minor

    @property
    def spend_minor(self) -> int:
        """Paid traffic, whoever paid it."""
        return self.spend_brand_minor + self.spend_platform_minor + self.spend_koc_minor

    @property
    def cost_minor(self) -> int:
        """What the sales cost: commission, script fee and spend."""
        return self.commission_minor + self.script_fee_minor + self.spend_minor

    @property
    def contribution_minor(self) -> int:
        """What is left of the net revenue after the cost."""
        return self.net_revenue_minor - self.cost_minor

    @property
    def roi_ppm(self) -> int | None:
        """Contribution a unit of cost in ppm, rounded down; None where nothing was spent."""
        return self.contribution_minor * MILLION // self.cost_minor if self.cost_minor else None

    def figure(self, name: SortFigure) -> int | None:
        """A figure by its name; None where there is none."""
        if name is SortFigure.ROI:
            return self.roi_ppm
        value: int = getattr(self, name.value if name.value in COUNTS else f"{name.value}_minor")
        return value


def ratio_text(ppm: int) -> str:
    """A ratio with two decimals, rounded half up: 2,345,000 ppm is `2.35`."""
    hundredths = (ppm + 5_000) // 10_000
    sign = "-" if hundredths < 0 else ""
    whole, fraction = divmod(abs(hundredths), 100)
    return f"{sign}{whole}.{fraction:02d}"
