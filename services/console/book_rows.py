"""Rows of a page's table that are read from the books, each time in a snapshot of their own."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from psycopg import DataError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.console.books import reading
from services.console.tables import ReadRows, RowKey, TableRows
from services.console.values import CellValue
from services.settlement.books.lookups.keyset import KeysetPage

BookRow = TypeVar("BookRow")
ReadPage = Callable[[Connection, RowKey | None, int], KeysetPage[BookRow]]
"""Reads at most so many rows after a key; None = from the first."""


def book_rows(
    request: Request, read_page: ReadPage[BookRow], cells: Callable[[BookRow], Sequence[CellValue]]
) -> ReadRows:
    """Read a table from the books.

    Args:
        request: of the page.
        read_page: a lookup of the books.
        cells: a row as the table shows it.
    """

    def read(after: RowKey | None, limit: int) -> TableRows:
        with reading(request) as connection:
            try:
                page = read_page(connection, after, limit)
            except (ValueError, TypeError, OverflowError, DataError):
                if after is None:
                    raise
                raise HTTPException(400, "this is no place in a table") from None
        return TableRows([cells(row) for row in page.rows], page.next_key)

    return read
