"""Who owes money back, from the legs of clawback accounts."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from services.kernel.time import to_micros
from services.settlement.books import tables
from services.settlement.domain.book.chart import clawback
from services.settlement.domain.settling.ageing import AgedDebt, age_debt

_ALL = clawback("")


class OpenClawback(NamedTuple):
    """What a party owes back in a currency."""

    party: str
    currency: str
    owed_minor: int
    aged: AgedDebt


def open_clawbacks(connection: Connection, party: str | None = None) -> Iterator[OpenClawback]:
    """Every party that owes something back, by party and currency; ages by the database's clock.

    Args:
        connection: of the reader role.
        party: this one alone; None = all.
    """
    account, balance, leg = tables.account.c, tables.balance.c, tables.party_leg.c
    wanted = (
        select(account.key, account.currency, balance.amount_minor, leg.effective_at, leg.amount_minor)
        .join_from(tables.account, tables.balance, balance.account_id == account.id)
        .join(tables.party_leg, leg.account_id == account.id)
        .where(
            account.key.startswith(_ALL, autoescape=True) if party is None else account.key == clawback(party),
            balance.amount_minor > 0,
        )
        .order_by(account.key, account.currency)
    )
    now = to_micros(connection.execute(select(func.now())).scalar_one())
    rows = connection.execution_options(stream_results=True).execute(wanted)
    for (key, currency, owed_minor), legs in groupby(rows, lambda row: row[:3]):
        aged = age_debt([(to_micros(at), amount) for *_, at, amount in legs], now)
        yield OpenClawback(key.removeprefix(_ALL), currency, owed_minor, aged)
