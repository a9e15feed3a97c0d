"""The books in memory as readers see them: `snapshot_port` over one state, which nobody changes any more."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from services.kernel.time import format_rfc3339
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.journal_rows import JournalRow, line_of
from services.settlement.books.memory_payout_records import MemoryPayoutRecords
from services.settlement.books.memory_period_records import MemoryPeriodRecords
from services.settlement.books.memory_run_records import MemoryRunRecords
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.snapshot_port import Balance, BooksSnapshot, ContentRecord, LineRecord, StoredWriter
from services.settlement.domain.book.commands import ChainedCommand
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.contents import BUDGET_POSITION, SCRIPT_FEE_POSITION

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
        journal = self._sums((line_of(row), row) for row in state.journal.values() if row.order_id is not None)
        for key in sorted(state.lines.keys() | state.kept.keys() | journal.keys()):
            line, kept = state.lines.get(key), state.kept.get(key)
            assertion = None if kept is None else decode_credit(kept.raw)
            stored = line.booked if line else {}
            own = _in_currency(journal.get(key, {}), line)
            yield LineRecord(key, line, stored, own, assertion, None, has_hint=self._has_hint(line))

    def _has_hint(self, line: Line | None) -> bool:
        """Whether a run of the line's day would look at it."""
        if line is None or line.settle_at is None:
            return False
        day = format_rfc3339(line.settle_at)[: len("2026-11-01")]
        return (line.partition, day, line.key) in self._state.due

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

    def run_records(self) -> MemoryRunRecords:
        """What is kept of settlement runs."""
        return MemoryRunRecords(self._state)

    def period_records(self) -> MemoryPeriodRecords:
        """What is kept of closed months."""
        return MemoryPeriodRecords(self._state)

    def payout_records(self) -> MemoryPayoutRecords:
        """What is kept of payouts."""
        return MemoryPayoutRecords(self._state)

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


def _content_of(row: JournalRow) -> tuple[str, str] | None:
    """The kind and identity of what a row of a content is about, as `registry|OFFSET|KIND|IDENTITY|CURRENCY|…`.

    A budget's identity is itself of two parts.
    """
    cause, _, *names = row.idem_key.split("|")
    if cause != "registry" and (cause != "run" or names[0] != SCRIPT_FEE_POSITION):
        return None
    return names[0], "|".join(names[1:3] if names[0] == BUDGET_POSITION else names[1:2])


def _in_currency(booked: _Booked, line: Line | None) -> Position:
    """A line's position by account key; what is in another currency than the line's says so."""
    own = line.currency if line else ""
    every = ((key, of, amount) for of, position in booked.items() for key, amount in position.items())
    return {key if of == own else f"{key} {of}": amount for key, of, amount in every}
