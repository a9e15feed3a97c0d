"""One line of a report's CSV."""

import csv
import io
from collections.abc import Iterable

from services.kernel.cells import defuse


def csv_line(cells: Iterable[str]) -> str:
    """Cells as a line with its end; none of them is taken for a formula."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow([defuse(cell) for cell in cells])
    return line.getvalue()
