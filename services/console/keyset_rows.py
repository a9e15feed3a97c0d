"""Long lists of the books as tables: each part is read by its key in a snapshot of its own, also while CSV streams."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.console.books import reading
from services.console.tables import ReadRows, RowKey, TableRows
from services.console.values import CellValue, MoneyCell, WordsCell
from services.settlement.books.lookups.keyset import KeysetPage

BookRow = TypeVar("BookRow")


def books_rows(
    request: Request,
    shape: Sequence[type[str] | type[int]],
    read: Callable[[Connection, RowKey | None, int], KeysetPage[BookRow]],
    cells: Callable[[BookRow], Sequence[CellValue]],
) -> ReadRows:
    """Read a table of the books.

    Args:
        request: of the page.
        shape: the types that a key has.
        read: the rows after a key, at most so many; None = from the first.
        cells: a row as the table shows it.
    """

    def read_rows(after: RowKey | None, limit: int) -> TableRows:
        if after is not None and [type(part) for part in after] != list(shape):
            raise HTTPException(400, "this is no place in the table")
        try:
            with reading(request) as connection:
                found = read(connection, after, limit)
        except OverflowError:  # of a number that is no moment
            raise HTTPException(400, "this is no place in the table") from None
        return TableRows([cells(row) for row in found.rows], found.next_key)

    return read_rows


def sums_text(amounts: Mapping[str, int]) -> str:
    """Amounts of several currencies in minor units: `163,316.68 CNY, 51 JPY`; a dash where there are none."""
    return ", ".join(f"{MoneyCell(minor, currency)} {currency}" for currency, minor in sorted(amounts.items())) or "-"


def sums_cell(amounts: Mapping[str, int]) -> WordsCell:
    """The same in a table; programs get `163316.68 CNY, 51 JPY`, or nothing."""
    exact = [f"{MoneyCell(minor, currency).exact} {currency}" for currency, minor in sorted(amounts.items())]
    return WordsCell(sums_text(amounts), code=", ".join(exact))
