"""Lists of the lines that are only counted elsewhere: unpriced, set aside, quarantined, below their join, twice."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, column, func, literal, select, tuple_

from services.kernel.sentences import Sentence
from services.kernel.time import to_datetime, to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of_order_lines, rows_shown
from services.settlement.books.tables import line
from services.settlement.domain.lines.vectors import NOTHING


class LineCondition(StrEnum):
    """Why a line is listed."""

    UNPRICED = "unpriced"
    SET_ASIDE = "set_aside"
    QUARANTINED = "quarantined"
    BELOW_JOIN = "below_join"
    SECOND_OWNER = "second_owner"


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
_INCOMPLETE = Sentence("an assertion that knows all of its events is still to come")
_SECOND = Sentence("another buyer has the order line")
_SELECTIONS = {
    LineCondition.UNPRICED: _Selection(line.c.unpriced.is_not(None), line.c.unpriced_minor, line.c.unpriced, _PAID),
    LineCondition.SET_ASIDE: _Selection(line.c.set_aside.is_not(None), _CHARGED, line.c.set_aside, _PAID),
    LineCondition.QUARANTINED: _Selection(line.c.quarantined.is_not(None), _CHARGED, line.c.quarantined, _PAID),
    LineCondition.BELOW_JOIN: _Selection(
        line.c.below_since.is_not(None),
        _CHARGED,
        literal(str(_INCOMPLETE)),
        line.c.below_since,
    ),
    LineCondition.SECOND_OWNER: _Selection(~line.c.standing, _CHARGED, literal(str(_SECOND)), _PAID),
}


def list_lines(connection: Connection, condition: LineCondition, limit: int | None) -> LineList:
    """The lines of a condition, those that wait longest first.

    Args:
        connection: of the reader role.
        condition: which lines.
        limit: how many at most; None = all.
    """
    rows = connection.execute(_wanted(condition).add_columns(func.count().over().label("all")).limit(limit)).all()
    return LineList(rows[0].all if rows else 0, [_listed(row) for row in rows])


def page_of_lines(
    connection: Connection, condition: LineCondition, after: PageKey | None, limit: int
) -> KeysetPage[ListedLine]:
    """Some lines of a condition, those that wait longest first; reads all lines of the condition by their index.

    Args:
        connection: of the reader role.
        condition: which lines.
        after: since (microseconds), order_id and line_id of the last line, and how many of its rows were seen.
        limit: how many at most.
    """
    wanted = _wanted(condition)
    if after is not None:
        since, order_id, line_id, _ = after
        place = tuple_(_SELECTIONS[condition].since, line.c.order_id, line.c.line_id)
        wanted = wanted.where(place >= tuple_(to_datetime(int(since)), str(order_id), str(line_id)))
    rows = connection.execute(wanted.offset(rows_shown(after)).limit(limit + 1)).all()
    found = page_of_order_lines(rows, limit, lambda row: (to_micros(row.since), row.order_id, row.line_id), after)
    return KeysetPage([_listed(row) for row in found.rows], found.next_key)


def _wanted(condition: LineCondition) -> Select[Any]:
    chosen = _SELECTIONS[condition]
    return (
        select(
            line.c.order_id, line.c.line_id, line.c.buyer_id, line.c.currency, chosen.amount.label("amount"),
            chosen.reason.label("reason"), chosen.since.label("since"), line.c.vector,
        )
        .where(chosen.condition)
        .order_by("since", line.c.order_id, line.c.line_id, line.c.buyer_id)
    )  # fmt: skip


def _listed(row: Any) -> ListedLine:
    """A row as a listed line; one that was frozen before its first assertion has no time yet."""
    since = None if tuple(row.vector) == NOTHING else to_micros(row.since)
    return ListedLine(row.order_id, row.line_id, row.buyer_id, row.currency, int(row.amount), row.reason, since)
