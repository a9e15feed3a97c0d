"""Months of books in memory: closed and reopened as the database does it, with the commands that say so."""

from collections import Counter

from services.settlement.books.memory_state import MemoryState
from services.settlement.domain.book.commands import ChainedCommand, Command, CommandKind, JsonObject, chain_command
from services.settlement.domain.book.entries import GENESIS
from services.settlement.domain.book.periods import PeriodClose, check_reopening
from services.settlement.domain.book.seals import NO_SEAL, SealHash, sum_line
from tests.kit.book_driver import MemoryStore


class MemoryPeriods:
    """Closes and reopens months of books in memory.

    Attributes:
        commands: all that were given.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.commands: list[ChainedCommand] = []

    @property
    def state(self) -> MemoryState:
        """What the books hold."""
        return self._store.state

    def next(self) -> str | None:
        """The month to close next; None = the journal is empty."""
        earliest = min((row.period for row in self.state.journal.values()), default=None)
        return self.state.closed_months().oldest_open or earliest

    def close(self) -> PeriodClose | None:
        """Close the next month."""
        state, period = self.state, self.next()
        if period is None:
            return None
        cut = tuple(writer.last.seq for _, writer in sorted(state.writers.items()))
        revision = 1 + sum(close.period == period for close in state.closes)
        sums = {account: amount for account, amount in sums_of(state, period, cut).items() if amount}
        names = {number: name for name, number in state.accounts.items()}
        before = state.closes[-1].seal if state.closes else NO_SEAL
        seal = SealHash(before, period, revision, cut)
        seal.add(sorted(sum_line(*names[account], amount) for account, amount in sums.items()))
        name = f"close-{period}-{revision}"
        state.periods[period] = True
        state.period_sums |= {(period, revision, account): amount for account, amount in sums.items()}
        close = PeriodClose(period, revision, cut, (), before, seal.digest(), name, "ann", state.now)
        state.closes.append(close)
        result: JsonObject = {"revision": revision, "seal": close.seal.hex(), "cut": list(cut)}
        self._record(CommandKind.PERIOD_CLOSED, name, {"period": period}, result)
        return close

    def reopen(self) -> None:
        """Reopen the last closed month, if one is closed."""
        state = self.state
        standing = [close for close in state.closes if close.stands]
        if not standing:
            return
        last = max(standing)
        close = check_reopening(last.period, last)
        state.periods[close.period] = False
        state.closes[state.closes.index(close)] = close._replace(reopened_by="bob", reopened_at=state.now)
        body: JsonObject = {"proposal": "p", "period": close.period}
        self._record(CommandKind.PERIOD_REOPENED, f"reopen-{close.name}", body, {"revision": close.revision})

    def _record(self, kind: CommandKind, name: str, body: JsonObject, result: JsonObject) -> None:
        state = self.state
        point: JsonObject = {"seqs": [writer.last.seq for _, writer in sorted(state.writers.items())]}
        command = Command(name, kind, "ann", "a test", state.now, body, point, result)
        last = self.commands[-1].link if self.commands else GENESIS
        self.commands.append(chain_command(command, last))


def sums_of(state: MemoryState, period: str, cut: tuple[int, ...]) -> Counter[int]:
    """What a month's rows up to a cut add up to, by account."""
    sums: Counter[int] = Counter()
    for row in state.journal.values():
        if row.period == period and row.seq <= cut[row.writer]:
            for account, amount in zip(row.accounts, row.amounts, strict=True):
                sums[account] += amount
    return sums
