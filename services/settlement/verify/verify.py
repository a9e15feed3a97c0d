"""Derive the books again from what they rest on, and name every difference. One snapshot, nothing is changed.

Rows of the journal are checked by themselves and as a chain; balances, lines and content positions must be what the
journal adds up to; and what is booked must be what the accepted assertions and the reference data are worth.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from services.settlement.books.snapshot_port import BooksSnapshot
from services.settlement.verify.checks import Checks, StoredRow
from services.settlement.verify.findings import Difference, Note

VerifyProgress = Callable[[str, int], None]
"""Called with what is being read and how many of it more are done."""

_STRIDE = 1_000


@dataclass(slots=True)
class VerifyReport:
    """How many of each were checked, and what was found. A note is no difference: it names unfinished work."""

    checked: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the books are what they should be."""
        return not self.differences


def verify(books: BooksSnapshot, progress: VerifyProgress = lambda _what, _done: None) -> VerifyReport:
    """Check a whole snapshot of the books.

    Raises:
        InvariantBroken: plans, relations or contents cannot be read, so nothing can be derived from them.
    """
    report = VerifyReport()
    checks = Checks(books, partial(_counted, report.checked, progress))
    report.differences.extend(checks.differences())
    report.notes.extend(checks.notes())
    return report


def _counted(
    checked: Counter[str], progress: VerifyProgress, what: str, rows: Iterable[StoredRow]
) -> Iterator[StoredRow]:
    """The rows as they come, counted."""
    for row in rows:
        yield row
        checked[what] += 1
        if checked[what] % _STRIDE == 0:
            progress(what, _STRIDE)
    progress(what, checked[what] % _STRIDE)
