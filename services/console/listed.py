"""Rows that this process has in memory, shown a page at a time by key like those of the books."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.exceptions import HTTPException

from services.console.tables import ReadRows, RowKey, TableRows
from services.console.values import CellValue

ListedRow = TypeVar("ListedRow")


def listed(
    found: Sequence[ListedRow], key: Callable[[ListedRow], RowKey], cells: Callable[[ListedRow], Sequence[CellValue]]
) -> ReadRows:
    """Read a table of rows that are in memory.

    Args:
        found: all of them, sorted by `key`.
        key: where a row stands; unique.
        cells: a row as the table shows it.
    """

    def read(after: RowKey | None, limit: int) -> TableRows:
        try:
            first = 0 if after is None else bisect_right(found, after, key=key)
        except TypeError:
            raise HTTPException(400, "this is no place in the table") from None
        rows = found[first : first + limit]
        has_more = first + limit < len(found)
        return TableRows([cells(one) for one in rows], key(rows[-1]) if has_more else None)

    return read
