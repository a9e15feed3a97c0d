"""A brand: its bill, its budgets, its contents."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.content_figures import content_figures, figures_table
from services.console.keyset_rows import books_rows
from services.console.parties import brand_tables as shown
from services.console.parties.answer import money_text
from services.console.parties.bars import DrawnBudget, drawn_budgets
from services.console.render import render
from services.console.tables import PageTable, RowKey, all_rows
from services.console.values import MoneyCell
from services.kernel.sentences import Sentence
from services.settlement.books.lookups.brand import (
    BrandBill,
    BrandLine,
    BrandMonth,
    BudgetState,
    brand_bill,
    brand_budgets,
    brand_lines,
    brand_months,
    brand_vat,
    is_known_brand,
)
from services.settlement.books.lookups.keyset import KeysetPage

MOST_BARS = 20
"""Budgets that are drawn; the table has all."""


class BrandView(NamedTuple):
    """What a page says of a brand, as of one snapshot; `budgets` are those that are drawn."""

    bills: Sequence[BrandBill]
    months: Sequence[BrandMonth]
    budgets: Sequence[BudgetState]

    @property
    def sentences(self) -> list[str]:
        """What it owes now, and what is still to be billed."""
        return [sentence for bill in self.bills for sentence in _sentences(bill)]

    @property
    def drawn(self) -> list[DrawnBudget]:
        """The budgets as bars."""
        return drawn_budgets(self.budgets)


def show_brand(request: Request) -> Response:
    """The page."""
    brand_id = request.path_params["brand"]
    if request.query_params.get("part") == "vat":
        return _show_vat(request, brand_id)
    with reading(request) as connection:
        if not is_known_brand(connection, brand_id):
            unknown = Sentence(
                "The books know no brand {brand}. Search for its id: nothing was ever sold or planned for this one.",
                brand=brand_id[:100],
            )
            raise HTTPException(404, unknown)
        budgets = brand_budgets(connection, brand_id, None, MOST_BARS).rows
        view = BrandView(brand_bill(connection, brand_id), brand_months(connection, brand_id), budgets)
    figures = content_figures(request, brand_id=brand_id)
    tables = [*_tables(request, brand_id, view), figures_table(figures, "Top contents")]
    return render(request, "brand.html", tables=tables, brand_id=brand_id, view=view, figures=figures)


def _show_vat(request: Request, brand_id: str) -> Response:
    """The VAT: it takes longer, so that the page comes without it."""
    with reading(request) as connection:
        found = brand_vat(connection, brand_id)
    amounts = [MoneyCell(minor, currency) for currency, minor in found.items()]
    return render(request, "brand_vat.html", amounts=amounts)


def _tables(request: Request, brand_id: str, view: BrandView) -> list[PageTable]:
    def lines(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[BrandLine]:
        return brand_lines(connection, brand_id, after, limit)

    def budgets(connection: Connection, after: RowKey | None, limit: int) -> KeysetPage[BudgetState]:
        return brand_budgets(connection, brand_id, after, limit)

    months = [shown.month_cells(one, brand_id) for one in view.months]
    return [
        PageTable("bill", "Bill", shown.BILL, all_rows([shown.bill_cells(one) for one in view.bills]),
                  "Nothing was ever charged to it."),
        PageTable("months", "What it owed, by closed month", shown.MONTHS, all_rows(months),
                  "No closed month has a bill of it."),
        PageTable("budgets", "Budgets of its campaigns", shown.BUDGETS,
                  books_rows(request, (str, str), budgets, shown.budget_cells), "No campaign of it has a budget."),
        PageTable("lines", "Order lines, and what each costs it", shown.LINES,
                  books_rows(request, (int, str, str, int), lines, shown.brand_line_cells), "It has no order line."),
    ]  # fmt: skip


def _sentences(bill: BrandBill) -> Iterator[str]:
    """One currency."""
    owed, accrued = bill.receivable_minor, bill.accrued_minor
    if owed > 0:
        yield Sentence("It owes {amount} that is billed and not paid.", amount=money_text(owed, bill.currency))
    elif owed < 0:
        yield Sentence("It has paid {amount} in advance.", amount=money_text(-owed, bill.currency))
    else:
        yield Sentence("It owes nothing in {currency}.", currency=bill.currency)
    if accrued:
        amount = money_text(accrued, bill.currency)
        yield Sentence("{amount} more is charged and not billed: the next settlement runs bill it.", amount=amount)


ROUTES = (Route("/brand/{brand:path}", show_brand),)
