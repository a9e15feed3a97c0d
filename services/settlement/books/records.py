"""What the books hold, as readers of one snapshot see it: journal rows, balances, lines, and who provides them.

Rows are as stored, damaged ones included: whoever checks the books must be able to look at what should not be there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.kernel.errors import InvariantBroken
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.book.entries import GENESIS, KIND_BY_CODE, Entry, Leg, Link
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.price import Reference

Names = Mapping[int, tuple[str, str]]
"""Account id -> (key, currency)."""


class JournalRow(NamedTuple):
    """A row of the journal as stored: accounts by id, kind by code, times in microseconds."""

    writer: int
    seq: int
    idem_key: str
    cause: str
    kind: int
    currency: str
    period: str
    effective_at: int
    recorded_at: int
    order_id: str | None
    line_id: str | None
    corrects: str | None
    accounts: Sequence[int]
    amounts: Sequence[int]
    chain: bytes

    @property
    def entry_id(self) -> str:
        """WRITER-SEQ."""
        return f"{self.writer}-{self.seq}"

    def entry(self, names: Names) -> Entry:
        """What the row says, with accounts by key.

        Raises:
            InvariantBroken: its kind, its accounts or their currency are none that we know.
        """
        kind = KIND_BY_CODE.get(self.kind)
        if kind is None:
            raise InvariantBroken(f"kind {self.kind} is none that we know")
        if len(self.accounts) != len(self.amounts):
            raise InvariantBroken(f"{len(self.accounts)} accounts for {len(self.amounts)} amounts")
        legs = []
        for account, amount in zip(self.accounts, self.amounts, strict=True):
            key, currency = names.get(account, (None, None))
            if key is None or currency != self.currency:
                raise InvariantBroken(f"account {account} is {key or 'unknown'} in {currency}, not in {self.currency}")
            legs.append(Leg(key, amount))
        return Entry(
            self.idem_key, self.cause, kind, self.currency, self.period, self.effective_at, self.order_id,
            self.line_id, self.corrects, tuple(legs),
        )  # fmt: skip


class ChainedEntry(NamedTuple):
    """An entry in its place, and the hash of the one before it."""

    recorded: JournalEntry
    prev_hash: bytes


def chained(rows: Iterable[JournalRow], names: Names) -> Iterator[ChainedEntry]:
    """Entries of rows that come by writer and seq.

    Raises:
        InvariantBroken: a row that cannot be read; `koc ledger verify` says more.
    """
    writer, prev_hash = -1, GENESIS.head
    for row in rows:
        if row.writer != writer:
            writer, prev_hash = row.writer, GENESIS.head
        try:
            entry = row.entry(names)
        except InvariantBroken as broken:
            raise InvariantBroken(f"journal row {row.entry_id}: {broken}") from None
        yield ChainedEntry(JournalEntry(entry, row.writer, row.seq, row.recorded_at, row.chain), prev_hash)
        prev_hash = row.chain


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
    """

    key: Key
    line: Line | None
    stored: Position
    journal: Position
    assertion: LineAssertion | None
    damage: str | None


class ContentRecord(NamedTuple):
    """What writer N has booked for a script fee or a spend: (currency -> position), stored and by the journal."""

    kind: str
    identity: str
    stored: Mapping[str, Position]
    journal: Mapping[str, Position]


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

    def open_jobs(self) -> dict[int, list[int]]:
        """Partition -> reprice jobs with lines left in it."""
