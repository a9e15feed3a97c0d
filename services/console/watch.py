"""Readings that take longer than a page may: balances, facts without contents, seals, and how far logs are read."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from services.console.kept import KeptReading
from services.operations.drain.drain import LogDistance, missing
from services.operations.drain.positions import LivePositions
from services.settlement.books.attention import NEVER_IN_DEBIT, role_balances, unfinished_work, unregistered_facts
from services.settlement.books.reader import books_reader
from services.settlement.books.seal_proof import SealWatch

_UNBOUNDED = "-c default_transaction_read_only=on -c statement_timeout=0 -c jit=off"
_REST = 20
"""A reading rests so many times as long as it took."""


class BalanceCheck(NamedTuple):
    """What is read of all accounts and all facts.

    Attributes:
        totals_minor: what accounts come to, by currency: 0 in sound books.
        in_debit: accounts in debit that never may be.
        over_budget: budgets that are over their limit.
        unregistered: facts that book nothing because nobody has registered their content.
    """

    totals_minor: Mapping[str, int]
    in_debit: int
    over_budget: int
    unregistered: int


class SealCheck(NamedTuple):
    """How many closes were proven since this console began, and how many of them are broken."""

    turns: int
    broken: int


class BooksWatch:
    """What one console knows of the books beside its pages."""

    def __init__(self) -> None:
        self.balances = KeptReading(_read_balances, 5, _REST)
        self.seals = KeptReading(_SealTurns().take, 60, _REST)
        self.lag = KeptReading(_read_lag, 2)


def _read_balances() -> BalanceCheck:
    with books_reader(options=_UNBOUNDED) as reader, reader.connect() as connection:
        found = role_balances(connection)
        over_budget = unfinished_work(connection).over_budget
        unregistered = sum(unregistered_facts(connection).values())
    totals: Counter[str] = Counter()
    for one in found:
        totals[one.currency] += one.amount_minor
    in_debit = sum(one.in_debit for one in found if one.purpose in NEVER_IN_DEBIT)
    return BalanceCheck(dict(sorted(totals.items())), in_debit, over_budget, unregistered)


class _SealTurns:
    """One close is proven at each turn."""

    def __init__(self) -> None:
        self._watch, self._turns = SealWatch(), 0

    def take(self) -> SealCheck:
        """Prove the next close."""
        with books_reader(options=_UNBOUNDED) as reader, reader.connect() as connection:
            broken = self._watch.broken_after(connection)
        self._turns += 1
        return SealCheck(self._turns, broken)


def _read_lag() -> list[LogDistance]:
    """What has not come to its end; connects anew, so that a console that nobody looks at holds nothing."""
    with LivePositions() as positions:
        ends = positions.ends()
        return missing(ends, positions.reached())
