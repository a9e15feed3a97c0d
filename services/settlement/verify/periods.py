"""Closed months: each seal is what the journal's rows add up to, and no row came into a month once it was closed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

from services.settlement.books.journal_rows import JournalRow
from services.settlement.books.period_records_port import PeriodRecords, SealedSum
from services.settlement.domain.book.commands import ChainedCommand, Command, CommandKind
from services.settlement.domain.book.periods import PeriodClose
from services.settlement.domain.book.seals import NO_SEAL, SealHash, sum_line
from services.settlement.verify.findings import Difference


class PeriodCheck:
    """Takes all commands, watches the journal's rows, then looks at the closes.

    It keeps a hash a close, and reads sums of accounts as they stream.

    Args:
        records: of the snapshot.
        commands: all of them, by number.
    """

    def __init__(self, records: PeriodRecords, commands: Iterable[ChainedCommand]) -> None:
        self._records = records
        self._closes = records.closes()
        self._by_month: defaultdict[str, list[PeriodClose]] = defaultdict(list)
        for close in self._closes:
            self._by_month[close.period].append(close)
        self._first = min(self._by_month, default=None)
        self._late: list[Difference] = []
        # who closed what, and how far the books were when a month was reopened
        self._closed: dict[str, Command] = {}
        self._reopened: dict[tuple[object, object], Sequence[int]] = {}
        for command in (one.command for one in commands):
            if command.kind == CommandKind.PERIOD_CLOSED:
                self._closed[command.id] = command
            elif command.kind == CommandKind.PERIOD_REOPENED:
                self._reopened[command.body.get("period"), command.result.get("revision")] = _seqs(command.point)

    def watched(self, rows: Iterable[JournalRow]) -> Iterator[JournalRow]:
        """The rows as they come; those in a month that was closed to them are found at the end."""
        for row in rows:
            if self._first is not None:
                self._late.extend(self._row(row))
            yield row

    def _row(self, row: JournalRow) -> Iterator[Difference]:
        """A row is below the first cut of its month, or came while the month was open again."""
        if row.period < (self._first or ""):
            yield Difference("period", f"row {row.entry_id}", row.period, f"{self._first} or later: it closed first")
        for close in self._by_month.get(row.period, ()):
            if _covers(close.cut, row):
                return
            reopened = self._reopened.get((close.period, close.revision))
            if reopened is None or _covers(reopened, row):
                yield Difference("period", f"row {row.entry_id}", row.period, f"a later month: {close.name} was closed")
                return

    def end(self) -> Iterator[Difference]:
        """The closes: their order and commands, their seals, and which months posters take for closed."""
        yield from self._late
        last, revisions = NO_SEAL, Counter[str]()
        for close in self._closes:
            revisions[close.period] += 1
            if close.revision != revisions[close.period]:
                yield Difference("seal", close.name, "its revision", f"revision {revisions[close.period]}")
            if close.previous_seal != last:
                yield Difference("seal", f"{close.name}, the seal before", close.previous_seal.hex(), last.hex())
            last = close.seal
            yield from self._command(close)
        for name in self._closed:
            yield Difference("seal", f"command {name}", "no close", "a close")
        yield from self._months()
        yield from self._seals()

    def _command(self, close: PeriodClose) -> Iterator[Difference]:
        """A close is what its command says, and reopened if a command did that."""
        command = self._closed.pop(close.command, None)
        stored: dict[str, Any] = {
            "period": close.period, "revision": close.revision, "seal": close.seal.hex(), "cut": list(close.cut),
        }  # fmt: skip
        said = {} if command is None else {**command.body, **command.result}
        for name, value in stored.items():
            if value != said.get(name):
                yield Difference("seal", f"{close.name}, its {name}", str(value), f"{said.get(name)} by its command")
        if close.stands == ((close.period, close.revision) in self._reopened):
            yield Difference("seal", close.name, "stands" if close.stands else "reopened", "what commands say")

    def _months(self) -> Iterator[Difference]:
        stored = self._records.months()
        derived = {month: closes[-1].stands for month, closes in self._by_month.items()}
        for month in sorted(stored.keys() | derived.keys()):
            if stored.get(month) != derived.get(month):
                found = (f"closed: {closed.get(month)}" for closed in (stored, derived))
                yield Difference("period", f"month {month}", *found)

    def _seals(self) -> Iterator[Difference]:
        """Every seal again, over the journal's rows; and what is stored to be under it."""
        seals = {
            close: SealHash(close.previous_seal, close.period, close.revision, close.cut) for close in self._closes
        }
        booked = ((one.place, one, 1) for one in self._records.journal_sums())
        stored = ((one.place, one, 0) for one in self._records.sums())
        for _, group in groupby(merge(booked, stored, key=itemgetter(0)), key=itemgetter(0)):
            yield from self._account([(one, bool(is_booked)) for _, one, is_booked in group], seals)
        for close, derived in seals.items():
            if derived.digest() != close.seal:
                yield Difference("seal", close.name, close.seal.hex(), derived.digest().hex())

    def _account(
        self, sums: Sequence[tuple[SealedSum, bool]], seals: Mapping[PeriodClose, SealHash]
    ) -> Iterator[Difference]:
        """An account of a month at each revision: what is booked goes under the seal, and is what is stored."""
        period, account, currency, _, _ = sums[0][0]
        stored = {one.revision: one.amount_minor for one, is_booked in sums if not is_booked}
        for close in self._by_month.get(period, ()):
            # a revision has the rows of those before it too
            booked = sum(one.amount_minor for one, is_booked in sums if is_booked and one.revision <= close.revision)
            if booked:
                seals[close].add((sum_line(account, currency, booked),))
            if (found := stored.pop(close.revision, 0)) != booked:
                yield Difference("seal", f"{close.name}, account {account} {currency}", str(found), str(booked))
        for revision, found in stored.items():
            where = f"{period} revision {revision}, account {account} {currency}"
            yield Difference("seal", where, str(found), "no such close")


def _covers(seqs: Sequence[int], row: JournalRow) -> bool:
    """Whether a row is among the first so many of its writer; damaged numbers cover nothing."""
    return row.writer < len(seqs) and row.seq <= seqs[row.writer]


def _seqs(point: Mapping[str, object] | None) -> Sequence[int]:
    """By writer, its last number at the point of a command; nothing where that is damaged, which its hash shows."""
    seqs = None if point is None else point.get("seqs")
    return seqs if isinstance(seqs, Sequence) else ()
