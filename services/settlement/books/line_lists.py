"""Lists of the lines that the check only counts: unpriced, set aside, quarantined, below their join."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, column, func, literal, select

from services.kernel.time import to_micros
from services.settlement.books.tables import line
from services.settlement.domain.lines.vectors import NOTHING


class LineCondition(StrEnum):
    """Why a line is listed."""

    UNPRICED = "unpriced"
    SET_ASIDE = "set_aside"
    QUARANTINED = "quarantined"
    BELOW_JOIN = "below_join"


class ListedLine(NamedTuple):
    """A line with what a person has to know of it.

    Attributes:
        amount_minor: of an unpriced line the base that no plan prices, else what its brand is charged.
        since: microseconds; when it fell below its join, else when it was paid; None = it is still to come.
    """

    order_id: str
    line_id: str
    buyer_id: str
    currency: str
    amount_minor: int
    reason: str
    since: int | None


class LineList(NamedTuple):
    """The first lines of a condition, those that wait longest first, and how many there are in all."""

    total: int
    lines: Sequence[ListedLine]


class _Selection(NamedTuple):
    """How lines of a condition are found, and which columns say amount, reason and since when."""

    condition: ColumnElement[bool]
    amount: ColumnElement[Any]
    reason: ColumnElement[Any]
    since: ColumnElement[Any]


_LEG = func.unnest(line.c.amounts).table_valued(column("amount", BigInteger)).render_derived()
_CHARGED = select(func.coalesce(func.sum(_LEG.c.amount), 0)).where(_LEG.c.amount > 0).correlate(line).scalar_subquery()
_PAID = line.c.paid_at
_SELECTIONS = {
    LineCondition.UNPRICED: _Selection(line.c.unpriced.is_not(None), line.c.unpriced_minor, line.c.unpriced, _PAID),
    LineCondition.SET_ASIDE: _Selection(line.c.set_aside.is_not(None), _CHARGED, line.c.set_aside, _PAID),
    LineCondition.QUARANTINED: _Selection(line.c.quarantined.is_not(None), _CHARGED, line.c.quarantined, _PAID),
    LineCondition.BELOW_JOIN: _Selection(
        line.c.below_since.is_not(None),
        _CHARGED,
        literal("an assertion that knows all of its events is still to come"),
        line.c.below_since,
    ),
}


def list_lines(connection: Connection, condition: LineCondition, limit: int | None) -> LineList:
    """The lines of a condition, those that wait longest first.

    Args:
        connection: of the reader role.
        condition: which lines.
        limit: how many at most; None = all.
    """
    chosen = _SELECTIONS[condition]
    rows = connection.execute(
        select(
            line.c.order_id, line.c.line_id, line.c.buyer_id, line.c.currency, chosen.amount.label("amount"),
            chosen.reason.label("reason"), chosen.since.label("since"), line.c.vector, func.count().over().label("all"),
        )
        .where(chosen.condition)
        .order_by("since", line.c.order_id, line.c.line_id, line.c.buyer_id)
        .limit(limit)
    ).all()  # fmt: skip
    return LineList(rows[0].all if rows else 0, [_listed(row) for row in rows])


def _listed(row: Any) -> ListedLine:
    """A row as a listed line; one that was frozen before its first assertion has no time yet."""
    since = None if tuple(row.vector) == NOTHING else to_micros(row.since)
    return ListedLine(row.order_id, row.line_id, row.buyer_id, row.currency, int(row.amount), row.reason, since)
