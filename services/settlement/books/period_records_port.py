"""What checkers read of closed months: closes, what their seals cover, and what the journal says of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.settlement.domain.book.periods import PeriodClose


class SealedSum(NamedTuple):
    """An amount of a month on an account, at a revision."""

    period: str
    account: str
    currency: str
    revision: int
    amount_minor: int

    @property
    def place(self) -> tuple[str, str]:
        """Month and account, in the order of a seal's lines."""
        return self.period, f"{self.account}|{self.currency}"


class PeriodRecords(Protocol):
    """All closed months in one unchanging snapshot. Iterators stream, in the order of `SealedSum.place`."""

    def closes(self) -> Sequence[PeriodClose]:
        """Every close in the order in which they were made."""

    def months(self) -> Mapping[str, bool]:
        """Month that was ever closed -> whether it is closed now, by which posters go."""

    def sums(self) -> Iterator[SealedSum]:
        """What seals cover, as stored."""

    def journal_sums(self) -> Iterator[SealedSum]:
        """What the rows of closed months add up to, each row at the first revision whose cut takes it in."""
