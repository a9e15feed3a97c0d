"""The books in memory as readers see them: `snapshot_port` over one state, which nobody changes any more."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.journal_rows import JournalRow
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.snapshot_port import Balance, BooksSnapshot, ContentRecord, LineRecord, StoredWriter
from services.settlement.domain.book.commands import ChainedCommand
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION

_BUYER = re.compile("/[^|/]+/([^|/]+)")
_Booked = dict[str, Position]
"""Currency -> position."""

_Group = TypeVar("_Group", bound=tuple[str, ...])


class MemorySnapshot(BooksSnapshot):
    """`BooksSnapshot` on books in memory."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self.names = {number: name for name, number in state.accounts.items()}

    def journal(self) -> Iterator[JournalRow]:
        """All rows by writer, then seq."""
        for place in sorted(self._state.journal):
            yield self._state.journal[place]

    def writers(self) -> list[StoredWriter]:
        """All writers by number."""
        return [StoredWriter(number, row.last, row.join_open) for number, row in sorted(self._state.writers.items())]

    def balances(self) -> Iterator[tuple[int, Balance]]:
        """(account id, balance) of every account, by id."""
        for number, (key, currency) in sorted(self.names.items()):
            yield number, Balance(key, currency, *self._state.balances[number])

    def lines(self) -> Iterator[LineRecord]:
        """Every line that has a row, an assertion or journal rows."""
        state = self._state
        journal = self._sums((_line_of(row), row) for row in state.journal.values() if row.order_id is not None)
        for key in sorted(state.lines.keys() | state.kept.keys() | journal.keys()):
            line, kept = state.lines.get(key), state.kept.get(key)
            assertion = None if kept is None else decode_credit(kept.raw)
            stored = line.booked if line else {}
            yield LineRecord(key, line, stored, _in_currency(journal.get(key, {}), line), assertion, None)

    def contested(self) -> Iterator[list[Line]]:
        """Order lines that several buyers claim, or of which not exactly one line stands."""
        claimed: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        for key, line in sorted(self._state.lines.items()):
            claimed[key[:2]].append(line)
        yield from (lines for lines in claimed.values() if len(lines) > 1 or not lines[0].standing)

    def contents(self) -> Iterator[ContentRecord]:
        """Every script fee and spend that is booked."""
        own = [(_content_of(row), row) for row in self._state.journal.values() if row.order_id is None]
        journal = self._sums((content, row) for content, row in own if content is not None)
        records = {place: ContentRecord(*place, {}, sums, {}) for place, sums in journal.items()}
        for (kind, identity, currency), (booked, settled) in sorted(self._state.contents.items()):
            record = records.setdefault((kind, identity), ContentRecord(kind, identity, {}, {}, {}))
            record.stored.update({currency: booked} if booked else {})
            record.settled.update({currency: settled} if settled else {})
        yield from (record for _, record in sorted(records.items()))

    def facts(self, kind: str) -> dict[str, ReferenceEvent]:
        """All standing registry events of one kind by identity."""
        return self._state.standing(kind)

    def reference(self) -> Reference:
        """Plans and relations at the snapshot's registry revision."""
        known = Reference()
        self._state.refresh(known)
        return known

    def commands(self) -> Iterator[ChainedCommand]:
        """None: nobody decides on books in memory."""
        return iter(())

    def open_jobs(self) -> dict[int, list[int]]:
        """Partition -> reprice jobs with lines left in it."""
        found: dict[int, list[int]] = {}
        for job, partition in self._state.open_jobs():
            found.setdefault(partition, []).append(job)
        return found

    def _sums(self, rows: Iterable[tuple[_Group, JournalRow]]) -> dict[_Group, _Booked]:
        """What journal rows add up to by whatever they are grouped by, without zeros."""
        sums: Counter[tuple[_Group, str, str]] = Counter()
        for of, row in rows:
            for account, amount in zip(row.accounts, row.amounts, strict=True):
                key, currency = self.names[account]
                sums[of, currency, key] += amount
        found: dict[_Group, _Booked] = {}
        for (of, currency, key), amount in sums.items():
            if amount:
                found.setdefault(of, {}).setdefault(currency, {})[key] = amount
        return found


def _line_of(row: JournalRow) -> Key:
    """The line that a row is about; its idempotency key names the buyer, as in `…|ORDER/LINE/BUYER|…`."""
    named = _BUYER.search(row.idem_key)
    return str(row.order_id), str(row.line_id), named[1] if named else ""


def _content_of(row: JournalRow) -> tuple[str, str] | None:
    """The kind and identity of the script fee or spend that a row is about, as `registry|OFFSET|KIND|IDENTITY|…`."""
    cause, *names = row.idem_key.split("|")
    is_content = cause == "registry" or (cause == "run" and names[1] == SCRIPT_FEE_POSITION)
    return (names[1], names[2]) if is_content else None


def _in_currency(booked: _Booked, line: Line | None) -> Position:
    """A line's position by account key; what is in another currency than the line's says so."""
    own = line.currency if line else ""
    every = ((key, of, amount) for of, position in booked.items() for key, amount in position.items())
    return {key if of == own else f"{key} {of}": amount for key, of, amount in every}
