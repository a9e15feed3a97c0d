"""The projection by account: exactly the journal's legs on payable, held and clawback accounts."""

from collections.abc import Iterable, Iterator

from services.settlement.books.journal_rows import JournalRow, Names
from services.settlement.books.run_records_port import PartyLeg
from services.settlement.domain.book.chart import is_of_a_party
from services.settlement.verify.findings import Difference


class PartyLegCheck:
    """Takes all journal rows by writer and number, beside the projection in the same order.

    Args:
        names: account id -> (key, currency).
        legs: the projection by writer, number and account.
    """

    def __init__(self, names: Names, legs: Iterable[PartyLeg]) -> None:
        self._names = names
        self._legs = iter(legs)
        self._next = next(self._legs, None)

    def row(self, row: JournalRow) -> Iterator[Difference]:
        """The legs of one row."""
        stored = set(self._up_to(row.writer, row.seq))
        derived = {leg for leg in _legs_of(row) if is_of_a_party(self._names.get(leg.account, ("", ""))[0])}
        yield from map(self._not_in_journal, sorted(stored - derived))
        for leg in sorted(derived - stored):
            yield Difference("party leg", self._where(leg), "none", _text(leg))

    def end(self) -> Iterator[Difference]:
        """What is left over."""
        while self._next is not None:
            yield self._not_in_journal(self._next)
            self._next = next(self._legs, None)

    def _up_to(self, writer: int, seq: int) -> Iterator[PartyLeg]:
        """The legs that are stored up to a row and not yet taken."""
        while (leg := self._next) is not None and (leg.writer, leg.seq) <= (writer, seq):
            yield leg
            self._next = next(self._legs, None)

    def _not_in_journal(self, leg: PartyLeg) -> Difference:
        return Difference("party leg", self._where(leg), _text(leg), "the journal's leg")

    def _where(self, leg: PartyLeg) -> str:
        key, _ = self._names.get(leg.account, (f"account {leg.account}", ""))
        return f"row {leg.writer}-{leg.seq} on {key}"


def _legs_of(row: JournalRow) -> Iterator[PartyLeg]:
    """A row's legs as the projection has them."""
    for account, amount in zip(row.accounts, row.amounts, strict=False):
        what = (row.effective_at, row.order_id, row.line_id, row.kind)
        yield PartyLeg(account, row.writer, row.seq, amount, *what)


def _text(leg: PartyLeg) -> str:
    line = f" of line {leg.order_id}/{leg.line_id}" if leg.order_id else ""
    return f"{leg.amount_minor}{line}, kind {leg.kind}, effective at {leg.effective_at}"
