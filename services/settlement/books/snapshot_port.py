"""What the books hold, as readers of one snapshot see it: journal rows, balances, lines, and who provides them.

Rows are as stored, damaged ones included: whoever checks the books must be able to look at what should not be there.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from services.settlement.books.journal_rows import JournalRow, Names
from services.settlement.books.payout_records_port import PayoutRecords
from services.settlement.books.period_records_port import PeriodRecords
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_records_port import RunRecords
from services.settlement.domain.book.commands import ChainedCommand
from services.settlement.domain.book.entries import Link
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.shares import Shares


class NetPosition(NamedTuple):
    """What journal rows add up to for one order line (None, None = rows of no line), account and currency."""

    order_id: str | None
    line_id: str | None
    account: str
    currency: str
    amount_minor: int


class Balance(NamedTuple):
    """A stored balance: an account's net amount and how many legs made it."""

    account: str
    currency: str
    amount_minor: int
    entries: int


class StoredWriter(NamedTuple):
    """A writer's row: the last link of its chain and how many of its lines are below their join."""

    number: int
    last: Link
    join_open: int


class LineRecord(NamedTuple):
    """All that is stored of one order line under one buyer. None = there is no such row.

    Args:
        stored: the position in the line's row.
        journal: the net position of its journal rows.
        damage: why the row or the assertion cannot be read.
        has_hint: whether a hint leads the run of the day of the line's `settle_at` to it.
    """

    key: Key
    line: Line | None
    stored: Position
    journal: Position
    assertion: LineAssertion | None
    damage: str | None
    has_hint: bool


class ContentRecord(NamedTuple):
    """What writer N has booked for a script fee or a spend, stored and by the journal, and what runs have settled.

    All by currency; a currency of which there is nothing is not in it.
    """

    kind: str
    identity: str
    stored: dict[str, Position]
    journal: dict[str, Position]
    settled: dict[str, Shares]


class BooksSnapshot(Protocol):
    """One unchanging snapshot of the books. Iterators stream; each may be read once at a time."""

    names: Names

    def journal(self) -> Iterator[JournalRow]:
        """All rows by writer, then seq."""

    def writers(self) -> list[StoredWriter]:
        """All writers by number."""

    def balances(self) -> Iterator[tuple[int, Balance]]:
        """(account id, balance) of every account, by id."""

    def lines(self) -> Iterator[LineRecord]:
        """Every line that has a row, an assertion or journal rows."""

    def contested(self) -> Iterator[list[Line]]:
        """Order lines that several buyers claim, or of which not exactly one line stands."""

    def contents(self) -> Iterator[ContentRecord]:
        """Every script fee and spend that is booked."""

    def facts(self, kind: str) -> dict[str, ReferenceEvent]:
        """All standing registry events of one kind by identity."""

    def reference(self) -> Reference:
        """Plans and relations at the snapshot's registry revision."""

    def commands(self) -> Iterator[ChainedCommand]:
        """All commands by number."""

    def run_records(self) -> RunRecords:
        """What is kept of settlement runs."""

    def period_records(self) -> PeriodRecords:
        """What is kept of closed months."""

    def payout_records(self) -> PayoutRecords:
        """What is kept of payouts."""

    def open_jobs(self) -> dict[int, list[int]]:
        """Partition -> reprice jobs with lines left in it."""
