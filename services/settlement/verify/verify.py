"""Derive the books again from what they rest on, and name every difference. One snapshot, nothing is changed.

Rows of the journal are checked by themselves and as a chain; balances, lines and content positions must be what the
journal adds up to; and what is booked must be what the accepted assertions and the reference data are worth.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TypeVar

from services.kernel.errors import InvariantBroken
from services.settlement.books.snapshot_port import BooksSnapshot
from services.settlement.verify.commands import CommandCheck
from services.settlement.verify.contents import check_contents, content_notes, read_content_facts, readable_registry
from services.settlement.verify.findings import Difference, Note
from services.settlement.verify.journal import JournalCheck
from services.settlement.verify.lines import LineCheck, check_owners

VerifyProgress = Callable[[str, int], None]
"""Called with what is being read and how many of it more are done."""

StoredRow = TypeVar("StoredRow")
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
    counted = partial(_counted, report.checked, progress)
    # what lines and contents are worth
    journal, commands = JournalCheck(books.names), CommandCheck()
    stored_writers = books.writers()
    with readable_registry():
        lines = LineCheck(books.reference(), books.open_jobs())
    facts = read_content_facts(books)
    # the journal by itself, then what it adds up to
    found = chain(
        (
            difference
            for row in counted("journal rows", commands.watched(books.journal()))
            for difference in journal.row(row)
        ),
        (difference for row in counted("writers", stored_writers) for difference in journal.writer(row)),
        (difference for row in counted("balances", books.balances()) for difference in journal.balance(*row)),
        journal.end(),
        (difference for row in counted("commands", books.commands()) for difference in commands.command(row)),
        commands.end(),
        (difference for row in counted("lines", books.lines()) for difference in lines.line(row)),
        lines.join_counts(stored_writers),
        _readable(
            "owner",
            (one for several in counted("contested lines", books.contested()) for one in check_owners(several)),
        ),
        _readable("content", check_contents(books, facts)),
    )
    report.differences.extend(found)
    report.notes.extend([*lines.notes(), *content_notes(facts)])
    return report


def _readable(check: str, differences: Iterable[Difference]) -> Iterator[Difference]:
    """Differences as they are found; a stored row that cannot be read ends them and is one itself."""
    try:
        yield from differences
    except InvariantBroken as broken:
        yield Difference(check, "a stored row", str(broken), "readable rows")


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
