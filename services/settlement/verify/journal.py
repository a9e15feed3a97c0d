"""The journal by itself: each row balanced, numbered without a gap and chained; balances are its sums."""

from collections import Counter
from collections.abc import Iterator

from services.kernel.errors import InvariantBroken
from services.settlement.books.journal_rows import JournalRow, Names
from services.settlement.books.snapshot_port import Balance, StoredWriter
from services.settlement.domain.book.chart import Nature, nature
from services.settlement.domain.book.entries import GENESIS, Link, chain
from services.settlement.domain.book.severed import SeveredRows
from services.settlement.verify.findings import Difference


class JournalCheck:
    """Takes all rows by writer and seq, then the writers, then the balances.

    Args:
        names: account id -> (key, currency).
        severed: rows whose hash covers a buyer that they no longer name.
    """

    def __init__(self, names: Names, severed: SeveredRows) -> None:
        self._names, self._severed = names, severed
        self._last: dict[int, Link] = {}
        self._amounts: Counter[int] = Counter()
        self._legs: Counter[int] = Counter()
        self._trial: Counter[str] = Counter()

    def row(self, row: JournalRow) -> Iterator[Difference]:
        """A row by itself, its number and its hash; its amounts are added up."""
        where = f"row {row.entry_id}"
        for account, amount in zip(row.accounts, row.amounts, strict=False):
            self._amounts[account] += amount
            self._legs[account] += 1
        if total := sum(row.amounts):
            yield Difference("legs", where, f"a sum of {total}", "0")
        last = self._last.get(row.writer, GENESIS)
        self._last[row.writer] = Link(row.seq, row.chain)
        if row.seq != last.seq + 1:
            missing = f"rows {row.writer}-{last.seq + 1} to {row.writer}-{row.seq - 1}"
            yield Difference("seq", missing, "none", "a row for each number")
            return
        try:
            derived = chain(row.entry(self._names), row.writer, last, row.recorded_at)
        except InvariantBroken as broken:
            yield Difference("row", where, str(broken), "a readable, balanced entry")
            return
        if derived.head != row.chain and not self._severed.has(row.entry_id, derived.head):
            yield Difference("chain", where, row.chain.hex(), derived.head.hex())

    def writer(self, writer: StoredWriter) -> Iterator[Difference]:
        """A writer's row must stand at its last journal row."""
        derived = self._last.pop(writer.number, GENESIS)
        where = f"writer {writer.number}"
        if writer.last.seq != derived.seq:
            yield Difference("seq", where, str(writer.last.seq), str(derived.seq))
        if writer.last.head != derived.head:
            yield Difference("chain", where, writer.last.head.hex(), derived.head.hex())

    def balance(self, account: int, balance: Balance) -> Iterator[Difference]:
        """A balance must be the sum of the account's legs, and a liability is never in debit."""
        where = f"account {balance.account} {balance.currency}"
        self._trial[balance.currency] += balance.amount_minor
        amount, legs = self._amounts.pop(account, 0), self._legs.pop(account, 0)
        if balance.amount_minor != amount:
            yield Difference("balance", where, str(balance.amount_minor), str(amount))
        if balance.entries != legs:
            yield Difference("balance", where, f"{balance.entries} entries", f"{legs} entries")
        try:
            liability = nature(balance.account) is Nature.LIABILITY
        except InvariantBroken as broken:
            yield Difference("chart", where, balance.account, str(broken))
            return
        if liability and balance.amount_minor > 0:
            yield Difference("sign", where, f"{balance.amount_minor} in debit", "a credit balance or 0")

    def end(self) -> Iterator[Difference]:
        """What is left over: writers and accounts without rows of their own, and the trial balance."""
        for number, last in self._last.items():
            yield Difference("seq", f"writer {number}", "no row", str(last.seq))
        for account, amount in self._amounts.items():
            key, currency = self._names.get(account, ("without a name", ""))
            yield Difference("balance", f"account {key} {currency}".rstrip(), "no row", str(amount))
        for currency, total in self._trial.items():
            if total:
                yield Difference("trial balance", currency, str(total), "0")
