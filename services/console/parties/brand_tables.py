"""The tables that pages of brands show: columns, and how a row of the books becomes cells."""

from services.console.parties.tables import CODE, CURRENCY, NUMBER, obstacle
from services.console.render import moment
from services.console.tables import Column
from services.console.values import CellValue, LinkCell, MoneyCell, path
from services.settlement.books.lookups.brand import BrandBill, BrandLine, BrandMonth, BudgetState

BILL = (
    CURRENCY,
    Column("accrued", "Charged, not billed yet", NUMBER),
    Column("receivable", "Billed, not paid yet", NUMBER),
    Column("paid", "Paid so far", NUMBER),
)
MONTHS = (
    Column("month", "Month", NUMBER),
    Column("revision", "Revision", NUMBER),
    Column("opening", "Owed at the beginning", NUMBER),
    Column("billed", "Billed, less credit notes", NUMBER),
    Column("paid", "Paid in the month", NUMBER),
    Column("closing", "Owed at the end", NUMBER),
    CURRENCY,
    Column("files", "Files"),
)
BUDGETS = (
    Column("campaign", "Campaign", CODE),
    Column("limit", "Limit", NUMBER),
    Column("committed", "Committed", NUMBER),
    Column("available", "Available", NUMBER),
    CURRENCY,
)
LINES = (
    Column("order", "Order", CODE),
    Column("line", "Order line", CODE),
    Column("kocs", "KOC", CODE),
    Column("paid_at", "Paid at"),
    Column("accrued", "Not billed", NUMBER),
    Column("billed", "Billed", NUMBER),
    CURRENCY,
    Column("settle_from", "May be settled from"),
    Column("in_the_way", "In the way"),
)


def bill_cells(one: BrandBill) -> list[CellValue]:
    """A row of BILL."""
    amounts = (one.accrued_minor, one.receivable_minor, one.paid_minor)
    return [one.currency, *(MoneyCell(minor, one.currency) for minor in amounts)]


def month_cells(one: BrandMonth, brand_id: str) -> list[CellValue]:
    """A row of MONTHS."""
    href = path("statement", one.period, str(one.revision), f"brand:{brand_id}", one.currency)
    files = [LinkCell(form.upper(), f"{href}?form={form}") for form in ("pdf", "csv", "xlsx", "json")]
    amounts = (one.opening_minor, one.billed_minor, one.paid_minor, one.closing_minor)
    money = (MoneyCell(minor, one.currency) for minor in amounts)
    return [LinkCell(one.period, href), one.revision, *money, one.currency, files]


def budget_cells(one: BudgetState) -> list[CellValue]:
    """A row of BUDGETS."""
    amounts = (one.limit_minor, one.committed_minor, one.available_minor)
    return [one.campaign_id, *(MoneyCell(minor, one.currency) for minor in amounts), one.currency]


def brand_line_cells(one: BrandLine) -> list[CellValue]:
    """A row of LINES."""
    return [
        LinkCell(one.order_id, path("order", one.order_id)),
        one.line_id,
        [LinkCell(koc, path("party", f"koc:{koc}")) for koc in one.koc_ids],
        moment(one.paid_at),
        MoneyCell(one.accrued_minor, one.currency),
        MoneyCell(one.billed_minor, one.currency),
        one.currency,
        None if one.settle_at is None else moment(one.settle_at),
        obstacle(one.in_the_way, is_undated=one.accrued_minor != 0 and one.settle_at is None),
    ]
