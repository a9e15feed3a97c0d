"""Lines that a run would leave out at a moment, by the reason words of `domain.settling.candidates`.

A run prices each due line by the registry as of its point. These lists go by what is stored with the lines, which is
the same once no reprice job is open. A line without a price, and one that another buyer's line displaced, has no date:
a run does not even look at it. Such lines are listed whole. Of `not_due`, lines are listed that are due later on the
same day; a run also counts lines whose date has moved. Of `content_held`, lines are listed that were paid within
HELD_DAYS and credit a registered content; a run also counts script fees.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.errors import InputRefused
from services.kernel.time import DAY, to_datetime, to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of_order_lines, rows_shown
from services.settlement.books.lookups.open_cases import (
    CREDITS_HELD,
    IS_DISPUTED,
    IS_LINE_HELD,
    IS_ORDER_HELD,
    open_case_names,
)
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.settling import candidates

HELD_DAYS = 60
"""Lines paid earlier are not listed of a held content: each costs a look at its assertion."""

_LINE = "line"
_HINTED = """(
  SELECT DISTINCT order_id, line_id, buyer_id FROM due WHERE settle_on = (%(as_of)s AT TIME ZONE 'UTC')::date
) hint JOIN line USING (order_id, line_id, buyer_id)"""
_STANDS = "line.standing AND line.below_since IS NULL"
_IS_PRICED = f"{_STANDS} AND line.unpriced IS NULL AND line.set_aside IS NULL"
_IS_FREE = f"{_IS_PRICED} AND line.quarantined IS NULL"
_IS_DUE = "line.settle_at <= %(as_of)s"
_IS_NAMED = f"line.order_id = ANY(%(named)s) AND {_IS_FREE} AND {_IS_DUE}"
_NO_WHOLE_ORDER = f"NOT {IS_DISPUTED} AND NOT {IS_ORDER_HELD}"
_CREDITS_HELD = f"""line.paid_at >= %(since)s AND (
  line.koc_ids[1] = ANY(%(kocs)s) OR line.koc_ids[2] = ANY(%(kocs)s)
  OR line.koc_ids[3] IS NOT NULL AND line.koc_ids[3:] && %(kocs)s::text[]
) AND {CREDITS_HELD}"""
_LISTS: Mapping[str, tuple[str, str]] = {
    candidates.NOT_STANDING: (_LINE, "NOT line.standing"),
    candidates.BELOW_JOIN: (_LINE, f"line.below_since IS NOT NULL AND line.standing AND {_IS_DUE}"),
    candidates.UNPRICED: (_LINE, f"line.unpriced IS NOT NULL AND {_STANDS}"),
    candidates.SET_ASIDE: (_LINE, f"line.set_aside IS NOT NULL AND {_STANDS} AND line.unpriced IS NULL"),
    candidates.QUARANTINED: (_LINE, f"line.quarantined IS NOT NULL AND {_IS_PRICED} AND {_IS_DUE}"),
    candidates.NOT_DUE: (_HINTED, f"{_IS_FREE} AND line.settle_at > %(as_of)s"),
    candidates.DISPUTED: (_LINE, f"{_IS_NAMED} AND {IS_DISPUTED}"),
    candidates.ORDER_HELD: (_LINE, f"{_IS_NAMED} AND NOT {IS_DISPUTED} AND {IS_ORDER_HELD}"),
    candidates.LINE_HELD: (_LINE, f"{_IS_NAMED} AND {_NO_WHOLE_ORDER} AND {IS_LINE_HELD}"),
    candidates.CONTENT_HELD: (
        _LINE, f"{_IS_FREE} AND {_IS_DUE} AND {_NO_WHOLE_ORDER} AND NOT {IS_LINE_HELD} AND {_CREDITS_HELD}"
    ),
}  # fmt: skip
"""Where the lines of a reason are found, and what they fulfil; each is led to its lines by an index."""

_PLACE = "line.partition, line.order_id, line.line_id"
_SELECT = f"""
SELECT {_PLACE}, line.buyer_id, line.brand_id, line.currency, line.paid_at, line.settle_at, (
  SELECT coalesce(sum(leg.amount), 0)::bigint FROM unnest(line.accounts, line.amounts) AS leg (account_id, amount)
  JOIN account ON account.id = leg.account_id WHERE account.key = 'brand:' || line.brand_id || ':accrued'
), coalesce(line.quarantined, line.set_aside, line.unpriced)
FROM {{source}} WHERE {{condition}} AND ({_PLACE}) >= (%(partition)s, %(order_id)s, %(line_id)s)
ORDER BY {_PLACE}, line.buyer_id LIMIT %(limit)s OFFSET %(skipped)s
"""  # noqa: S608 - words of ours
_BEFORE_ALL: PageKey = (-1, "", "", 0)


class LeftOutLine(NamedTuple):
    """A line that runs leave out. Times are microseconds.

    Attributes:
        settle_at: since when it is due; None = it has no date.
        pending_minor: what is earned of it and not settled, over all claimants.
        detail: what is stored of why; None = nothing is.
    """

    partition: int
    order_id: str
    line_id: str
    buyer_id: str
    brand_id: str
    currency: str
    paid_at: int
    settle_at: int | None
    pending_minor: int
    detail: str | None

    @property
    def place(self) -> PageKey:
        """Where its order line stands in a list."""
        return self.partition, self.order_id, self.line_id


def left_out_lines(
    connection: Connection, reason: str, as_of: int, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[LeftOutLine]:
    """Lines that a run would leave out for a reason; a key is (partition, order_id, line_id, rows shown).

    Args:
        connection: of the reader role.
        reason: a word of BLOCKING_REASONS.
        as_of: the moment of the run, microseconds.
        after: the key of the page before.
        limit: rows a page.

    Raises:
        InputRefused: no run leaves lines out for that reason.
    """
    if reason not in _LISTS:
        raise InputRefused(f"no run leaves lines out for {reason!r}: it is one of {', '.join(_LISTS)}")
    raw = psycopg_of(connection)
    source, condition = _LISTS[reason]
    partition, order_id, line_id, _ = after or _BEFORE_ALL
    place = {"partition": partition, "order_id": order_id, "line_id": line_id}
    size = {"limit": limit + 1, "skipped": rows_shown(after)}
    wanted = _SELECT.format(source=source, condition=condition)
    moments = {"as_of": to_datetime(as_of), "since": to_datetime(as_of - HELD_DAYS * DAY)}
    rows = raw.execute(wanted, {**open_case_names(raw), **place, **size, **moments}, prepare=False).fetchall()
    return page_of_order_lines([_left_out(*row) for row in rows], limit, lambda one: one.place, after)


def _left_out(*row: Any) -> LeftOutLine:
    line = LeftOutLine(*row)
    settle_at = row[7]
    return line._replace(paid_at=to_micros(row[6]), settle_at=None if settle_at is None else to_micros(settle_at))
