"""Bars of amounts: rows of a chart that are text beside a bar, so that everybody can read them."""

from collections.abc import Sequence
from typing import NamedTuple

from services.console.values import MoneyCell


class BarRow(NamedTuple):
    """An amount to be drawn: what it is (a sentence or words of ours), its class of the stylesheet, and a remark."""

    label: str
    amount: MoneyCell
    tone: str
    remark: str = ""


class DrawnBar(NamedTuple):
    """A row with the width of its bar, as `43.2%`."""

    row: BarRow
    width: str


def drawn(rows: Sequence[BarRow], whole_minor: int | None = None) -> list[DrawnBar]:
    """Rows of one currency against the greatest of them, or against a whole.

    Args:
        rows: in order.
        whole_minor: what a full bar is; None = the greatest amount.
    """
    full = max((abs(row.amount.amount_minor) for row in rows), default=0) if whole_minor is None else whole_minor
    return [DrawnBar(row, percent_text(abs(row.amount.amount_minor), full)) for row in rows]


def percent_text(part_minor: int, full_minor: int) -> str:
    """A part of a whole, rounded down to a tenth of a percent, from 0 to 100; a part that is there is seen."""
    if part_minor <= 0 or full_minor <= 0:
        return "0%"
    permille = min(1_000, max(5, 1_000 * part_minor // full_minor))
    return f"{permille // 10}.{permille % 10}%"
