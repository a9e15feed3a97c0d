"""Bars of amounts: rows of a chart that are text beside a bar, so that everybody can read them."""

from collections.abc import Sequence
from typing import NamedTuple

from services.console.values import MoneyCell
from services.settlement.books.lookups.brand import BudgetState


class BarRow(NamedTuple):
    """An amount to be drawn: what it is (a sentence or words of ours), and its class of the stylesheet."""

    label: str
    amount: MoneyCell
    tone: str


class DrawnBar(NamedTuple):
    """A row with the width of its bar, as `43.2%`."""

    row: BarRow
    width: str


def drawn(rows: Sequence[BarRow]) -> list[DrawnBar]:
    """Rows of one currency, in order, against the greatest of them."""
    full = max((abs(row.amount.amount_minor) for row in rows), default=0)
    return [DrawnBar(row, percent_text(abs(row.amount.amount_minor), full)) for row in rows]


def percent_text(part_minor: int, full_minor: int) -> str:
    """A part of a whole, rounded down to a tenth of a percent, from 0 to 100; a part that is there is seen."""
    if part_minor <= 0 or full_minor <= 0:
        return "0%"
    permille = min(1_000, max(5, 1_000 * part_minor // full_minor))
    return f"{permille // 10}.{permille % 10}%"


class DrawnBudget(NamedTuple):
    """The budget of a campaign as a bar: what is committed, and up to where it reaches if that is over the limit."""

    campaign_id: str
    committed: MoneyCell
    available: MoneyCell
    limit: MoneyCell
    width: str

    @property
    def is_spent(self) -> bool:
        """Whether nothing is available any more."""
        return self.available.amount_minor <= 0


def drawn_budgets(budgets: Sequence[BudgetState]) -> list[DrawnBudget]:
    """Budgets, each against its own limit."""
    return [
        DrawnBudget(
            one.campaign_id,
            MoneyCell(one.committed_minor, one.currency),
            MoneyCell(one.available_minor, one.currency),
            MoneyCell(one.limit_minor, one.currency),
            percent_text(one.committed_minor, one.limit_minor),
        )
        for one in budgets
    ]
