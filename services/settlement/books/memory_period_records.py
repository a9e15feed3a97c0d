"""Closed months of the books in memory, as readers see them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.settlement.books.journal_rows import JournalRow
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.period_records_port import PeriodRecords, SealedSum
from services.settlement.domain.book.periods import PeriodClose


class MemoryPeriodRecords(PeriodRecords):
    """`PeriodRecords` on books in memory."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self._names = {number: name for name, number in state.accounts.items()}

    def closes(self) -> Sequence[PeriodClose]:
        """Every close in the order in which they were made."""
        return self._state.closes

    def months(self) -> Mapping[str, bool]:
        """Month that was ever closed -> whether it is closed now."""
        return self._state.periods

    def sums(self) -> Iterator[SealedSum]:
        """What seals cover, as stored."""
        return self._ordered(self._state.period_sums)

    def journal_sums(self) -> Iterator[SealedSum]:
        """What the rows of closed months add up to, each row at the first revision whose cut takes it in."""
        sums: Counter[tuple[str, int, int]] = Counter()
        for row in self._state.journal.values():
            revision = self._first_revision(row)
            if revision is not None:
                for account, amount in zip(row.accounts, row.amounts, strict=True):
                    sums[row.period, revision, account] += amount
        return self._ordered(sums)

    def _first_revision(self, row: JournalRow) -> int | None:
        taken = (one for one in self._state.closes if one.period == row.period and row.seq <= one.cut[row.writer])
        return min((one.revision for one in taken), default=None)

    def _ordered(self, sums: Mapping[tuple[str, int, int], int]) -> Iterator[SealedSum]:
        named: Iterable[SealedSum] = (
            SealedSum(period, *self._names[account], revision, amount)
            for (period, revision, account), amount in sums.items()
        )
        return iter(sorted(named, key=lambda one: (one.place, one.revision)))
