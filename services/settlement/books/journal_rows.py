"""Journal rows, said once: their columns, a stored row as an entry in its place, and an entry as a row of COPY."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.kernel.errors import InvariantBroken
from services.kernel.time import to_micros
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.books.tables import journal
from services.settlement.domain.book.entries import GENESIS, KIND_BY_CODE, Entry
from services.settlement.domain.lines.line import Key

JOURNAL_COLUMNS = ", ".join(journal.columns.keys())

_BUYER = re.compile("/[^|/]+/([^|/]+)")

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

    @classmethod
    def read(cls, row: Sequence[Any]) -> "JournalRow":
        """A row of JOURNAL_COLUMNS as the database gives it."""
        return cls._make((*row[:7], to_micros(row[7]), to_micros(row[8]), *row[9:14], bytes(row[14])))

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
        legs: dict[str, int] = {}
        for account, amount in zip(self.accounts, self.amounts, strict=True):
            key, currency = names.get(account, (None, None))
            if key is None or currency != self.currency:
                raise InvariantBroken(f"account {account} is {key or 'unknown'} in {currency}, not in {self.currency}")
            if key in legs:
                raise InvariantBroken(f"account {account}, {key}, has two legs")
            legs[key] = amount
        return Entry(
            self.idem_key, self.cause, kind, self.currency, self.period, self.effective_at, self.order_id,
            self.line_id, self.corrects, legs,
        )  # fmt: skip

    def in_place(self, names: Names) -> JournalEntry:
        """The entry that the row holds, with its place and its hash.

        Raises:
            InvariantBroken: the row cannot be read.
        """
        return JournalEntry(self.entry(names), self.writer, self.seq, self.recorded_at, self.chain)

    def readable(self, names: Names) -> JournalEntry:
        """The same, for a reader that checks nothing.

        Raises:
            InvariantBroken: the row cannot be read; names it.
        """
        try:
            return self.in_place(names)
        except InvariantBroken as broken:
            raise InvariantBroken(f"journal row {self.entry_id}: {broken}") from None


def line_of(row: JournalRow) -> Key:
    """The line that a row is about; its idempotency key names the buyer, as in `…|ORDER/LINE/BUYER|…`."""
    named = _BUYER.search(row.idem_key)
    return str(row.order_id), str(row.line_id), named[1] if named else ""


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
        yield ChainedEntry(row.readable(names), prev_hash)
        prev_hash = row.chain
