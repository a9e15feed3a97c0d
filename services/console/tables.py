"""Tables of pages: read by key, a page at a time; the whole of one is a CSV file."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.console.values import CellValue, LinkCell, MomentCell, MoneyCell, WordsCell
from services.settlement.reports.csv_line import csv_line

RowKey = tuple[str | int, ...]
"""Where a page of a table ends: what its last row is sorted by."""

PAGE_ROWS = 50
_CSV_ROWS = 1_000
_LONGEST_KEY = 2_000


class CellKind(StrEnum):
    """How the cells of a column are set; a class of the stylesheet."""

    TEXT = "text"
    NUMBER = "number"
    CODE = "code"


class Column(NamedTuple):
    """A column: its name in CSV, its heading for people, in English."""

    name: str
    heading: str
    kind: CellKind = CellKind.TEXT


class TableRows(NamedTuple):
    """Some rows in order, and the key after which the next ones come; None = these are the last."""

    rows: Sequence[Sequence[CellValue]]
    next_key: RowKey | None


ReadRows = Callable[[RowKey | None, int], TableRows]
"""Reads at most so many rows after a key; None = from the first."""


@dataclass(frozen=True)
class PageTable:
    """A table of a page.

    Attributes:
        name: in addresses and file names; unique on its page.
        title: above it, in English.
        columns: in order.
        read: its rows.
        empty: what is said if there are none, in English.
    """

    name: str
    title: str
    columns: Sequence[Column]
    read: ReadRows
    empty: str = "There is nothing to show."


class ShownTable(NamedTuple):
    """A table as a page shows it.

    Attributes:
        rows: of this page.
        next_href: the address with the next rows; None = these are the last.
        first_href: the address with the first rows; None = these are they.
        csv_href: the address of the whole as CSV.
    """

    table: PageTable
    rows: Sequence[Sequence[CellValue]]
    next_href: str | None
    first_href: str | None
    csv_href: str


def all_rows(rows: Sequence[Sequence[CellValue]]) -> ReadRows:
    """Read a table that is short: all of its rows are known."""
    return lambda _after, _limit: TableRows(rows, None)


def key_text(key: RowKey) -> str:
    """A key as a parameter of an address."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_key(text: str) -> RowKey:
    """The key of a parameter.

    Raises:
        ValueError: it is none that `key_text` wrote.
    """
    parts = None
    if len(text) <= _LONGEST_KEY:
        with suppress(ValueError, RecursionError):
            parts = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), "-_", validate=True))
    if not isinstance(parts, list) or not all(map(_is_sortable, parts)):
        raise ValueError("this is no place in the table")
    return tuple(parts)


def _is_sortable(part: object) -> bool:
    """Whether a row of the database can be sorted by it."""
    if isinstance(part, str):
        return "\0" not in part and not any("\ud800" <= sign <= "\udfff" for sign in part)  # half of a character
    return isinstance(part, int) and abs(part) < 1 << 63


def csv_lines(table: PageTable) -> Iterator[str]:
    """The whole table as CSV, a part at a time: amounts with all decimals, moments as RFC 3339 in UTC."""
    yield csv_line([column.name for column in table.columns])
    after: RowKey | None = None
    while True:
        found = table.read(after, _CSV_ROWS)
        for row in found.rows:
            yield csv_line([_csv_text(cell) for cell in row])
        after = found.next_key
        if after is None:
            return


def _csv_text(cell: CellValue) -> str:
    if cell is None:
        return ""
    if isinstance(cell, (MoneyCell, MomentCell, LinkCell, WordsCell)):
        return cell.exact
    if isinstance(cell, (str, int)):
        return str(cell)
    return " ".join(link.exact for link in cell)
