"""CSV files as tables: read strictly, with the line of what is wrong, and written so that no cell is a formula."""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.kernel.cells import defuse
from services.kernel.errors import InputRefused
from services.settlement.payment_files.input_file import read_text


class TableRow(NamedTuple):
    """A row by column name, without blanks around its cells, and the line on which it ends."""

    line: int
    cells: Mapping[str, str]


def read_table(raw: bytes, required: Sequence[str], optional: Collection[str] | None = ()) -> Iterator[TableRow]:
    """The rows of a CSV file whose first line names the columns; empty lines are left out.

    Args:
        raw: its bytes.
        required: columns that it must have.
        optional: that it may have besides; None = any, and they are not read.

    Raises:
        InputRefused: it is no such file; names the line, and never what stands in a cell.
    """
    lines = csv.reader(io.StringIO(read_text(raw), newline=""), strict=True)
    names: list[str] = []
    try:
        for cells in lines:
            if not any(map(str.strip, cells)):
                continue
            if not names:
                names = _columns(cells, required, optional)
            elif len(cells) != len(names):
                raise InputRefused(f"line {lines.line_num}: {len(cells)} cells instead of {len(names)}")
            else:
                stripped = map(str.strip, cells)
                yield TableRow(lines.line_num, dict(zip(names, stripped, strict=True)))
    except csv.Error as problem:
        raise InputRefused(f"line {lines.line_num}: this is no CSV: {problem}") from None
    if not names:
        raise InputRefused(f"line 1: the file is empty: its first line names the columns {', '.join(required)}")


def write_table(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as CSV: UTF-8, lines end with CR LF (RFC 4180), every cell defused."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([defuse(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _columns(cells: Sequence[str], required: Sequence[str], optional: Collection[str] | None) -> list[str]:
    """The names in a first line."""
    names = [cell.strip() for cell in cells]
    missing = [name for name in required if name not in names]
    unknown = [] if optional is None else [name for name in names if name not in {*required, *optional}]
    if missing or unknown or len(set(names)) != len(names):
        allowed = f", and maybe {', '.join(sorted(optional))}" if optional else ""
        raise InputRefused(f"line 1: the columns must be {', '.join(required)}{allowed}, each once")
    return names
