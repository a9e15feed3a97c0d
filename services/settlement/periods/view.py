"""A close as people look at it: what the month adds up to by kind of account, and how many statements there are."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from services.settlement.books.period_rows import AccountSum, count_statements, read_closes, read_sums
from services.settlement.domain.book.chart import kind_of, nature
from services.settlement.domain.book.periods import PeriodClose


class KindTotal(NamedTuple):
    """What all accounts of a kind (`koc:*:payable`) add up to in a currency, and how many of them have moved."""

    kind: str
    nature: str
    currency: str
    accounts: int
    amount_minor: int


class PeriodView(NamedTuple):
    """A close, its sums, and how many statements it has so far."""

    close: PeriodClose
    sums: list[KindTotal]
    statements: int


def view_close(connection: Connection, period: str, revision: int | None) -> PeriodView | None:
    """A close of a month; without a revision its newest one. None = there is none."""
    closes = [close for close in read_closes(connection) if close.period == period]
    found = [close for close in closes if revision in (None, close.revision)]
    if not found:
        return None
    close = found[-1]
    return PeriodView(close, sums_by_kind(read_sums(connection, close)), count_statements(connection, close))


def sums_by_kind(sums: Iterable[AccountSum]) -> list[KindTotal]:
    """Sums of accounts, by kind and currency."""
    amounts: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for one in sums:
        amounts[kind_of(one.account), nature(one.account).value, one.currency].append(one.amount_minor)
    return [KindTotal(*place, len(moved), sum(moved)) for place, moved in sorted(amounts.items())]
