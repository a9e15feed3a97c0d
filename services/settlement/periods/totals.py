"""What a month's rows add up to, as it grows until the close: by account, and as the lines that its seal covers."""

from collections.abc import Iterable, Sequence

from services.settlement.books.period_rows import AccountSum
from services.settlement.domain.book.seals import SealHash, sum_line


class PeriodTotals:
    """Sums by account.

    Attributes:
        cut: by writer, the number of the last row that is in them; None = nothing was added up yet.
        amounts: by account id.
    """

    def __init__(self) -> None:
        self.cut: Sequence[int] | None = None
        self.amounts: dict[int, int] = {}
        self._lines: dict[int, str] = {}

    def add(self, sums: Iterable[AccountSum], cut: Sequence[int]) -> dict[int, int]:
        """Take what rows after the last cut, up to this one, add up to; returns the new sums of these accounts."""
        changed = {}
        for one in sorted(sums, key=lambda one: (one.account, one.currency)):
            amount = self.amounts.get(one.account_id, 0) + one.amount_minor
            changed[one.account_id] = self.amounts[one.account_id] = amount
            self._lines[one.account_id] = sum_line(one.account, one.currency, amount) if amount else ""
        self.cut = cut
        return changed

    def seal(self, previous_seal: bytes, period: str, revision: int) -> bytes:
        """The seal over them."""
        return SealHash(previous_seal, period, revision, self.cut or ()).add(sorted(self._lines.values())).digest()
