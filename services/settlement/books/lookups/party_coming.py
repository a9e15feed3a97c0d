"""What is pending for a party: what the next run settles, what later ones do and when, and what no run settles now.

No index has pending lines, so not all lines of a party are read: those that were paid since the horizon are, and those
that the last run left out. What is pending of others is told without a day: they were not received for long.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_datetime
from services.settlement.books.lookups import open_cases
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart
from services.settlement.domain.pricing.house import DEFAULT_HOUSE
from services.settlement.domain.settling import candidates

MOST_ORDERS = 20
"""Orders that are named of a reason."""

RECEIPT_DAYS = 60
"""Goods are received within these days of the payment, as a rule."""

_MOST_LEFT_OUT = 5_000
"""Hints of the last run and earlier that are followed, the oldest first: each is a look at a line."""

_BLOCKED: Mapping[str, str] = {
    candidates.NOT_STANDING: "NOT line.standing",
    candidates.BELOW_JOIN: "line.below_since IS NOT NULL",
    candidates.UNPRICED: "line.unpriced IS NOT NULL",
    candidates.SET_ASIDE: "line.set_aside IS NOT NULL",
    candidates.QUARANTINED: "line.quarantined IS NOT NULL",
    candidates.DISPUTED: open_cases.IS_DISPUTED,
    candidates.ORDER_HELD: open_cases.IS_ORDER_HELD,
    candidates.LINE_HELD: open_cases.IS_LINE_HELD,
    candidates.CONTENT_HELD: f"line.koc_ids && %(kocs)s::text[] AND {open_cases.CREDITS_HELD}",
}
"""Why a run leaves a line out whose day has come, in the order of `domain.settling.candidates`."""

_REASON = "CASE " + " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in _BLOCKED.items()) + " END"
_PENDING = """
SELECT a.id, a.currency, -b.amount_minor FROM account a JOIN balance b ON b.account_id = a.id WHERE a.key = %s
ORDER BY a.currency
"""
_COLUMNS = """order_id, line_id, buyer_id, koc_ids, currency, settle_at, standing, below_since, unpriced, set_aside,
  quarantined, accounts, amounts"""
_WAITING = f"SELECT {_COLUMNS} FROM line WHERE accounts && %(pending)s::int[] AND paid_at >= %(since)s"  # noqa: S608
_HORIZON = """
SELECT (SELECT max(as_of) FROM run), greatest(
  (SELECT max((body ->> 'auto_receive_days')::int) FROM reference WHERE kind = 'plan.published'), %s
) + greatest(
  (SELECT max((body ->> 'return_window_days')::int) FROM reference WHERE kind IN ('plan.published', 'house.set')), %s
)
"""
_LEFT_OUT = f"""
SELECT {_COLUMNS} FROM (
  SELECT DISTINCT order_id, line_id, buyer_id FROM (
    SELECT * FROM due WHERE settle_on <= (%(last_run)s AT TIME ZONE 'UTC')::date ORDER BY settle_on
    LIMIT {_MOST_LEFT_OUT}
  ) oldest
) hint JOIN line USING (order_id, line_id, buyer_id)
WHERE accounts && %(pending)s::int[] AND paid_at < %(since)s
"""  # noqa: S608 - numbers of ours
_PARTS = f"""
SELECT line.currency, why.reason, -sum(leg.amount)::bigint,
  CASE WHEN why.reason IS NULL AND line.settle_at > %(now)s
    THEN (line.settle_at AT TIME ZONE 'UTC' + make_interval(mins => zone_minutes))::date END AS day,
  why.reason IS NULL AND line.settle_at <= %(now)s AS is_due, count(*)::int,
  (array_agg(DISTINCT line.order_id) FILTER (WHERE why.reason IS NOT NULL))[:{MOST_ORDERS}]
FROM (
  SELECT first.* FROM unnest(%(members)s::text[]) AS koc CROSS JOIN LATERAL ({_WAITING} AND koc_ids[1] = koc) first
  UNION ALL SELECT second.* FROM unnest(%(members)s::text[]) AS koc
  CROSS JOIN LATERAL ({_WAITING} AND koc_ids[2] = koc AND koc_ids[1] <> ALL(%(members)s)) second
  UNION ALL {_WAITING} AND koc_ids[3] IS NOT NULL AND koc_ids[3:] && %(members)s::text[]
    AND koc_ids[1] <> ALL(%(members)s) AND koc_ids[2] <> ALL(%(members)s)
  UNION ALL {_LEFT_OUT}
) AS line CROSS JOIN registry_position CROSS JOIN LATERAL (SELECT {_REASON} AS reason OFFSET 0) why
CROSS JOIN LATERAL unnest(line.accounts, line.amounts) AS leg (account_id, amount)
WHERE leg.account_id = ANY(%(pending)s) AND (line.settle_at IS NOT NULL OR why.reason IS NOT NULL)
GROUP BY line.currency, why.reason, day, is_due ORDER BY 1, 4, 2
"""  # noqa: S608 - words of ours
_MEMBERS = """
SELECT DISTINCT body ->> 'koc_id' FROM reference WHERE kind = 'relation.set' AND body -> 'parties' ->> %s = %s
"""


class PendingPart(NamedTuple):
    """A part of what is pending for a party in one currency, minor units.

    Attributes:
        blocked: a word of BLOCKING_REASONS why no run settles it as things are; None = nothing of that kind.
        day: from which a run may settle it, a day of the settlement zone, still to come; None = that is not known.
        is_due: the next run settles it. Money that is neither due nor blocked, and has no day, is of lines that are
            not received, or were received very late, and of script fees.
        lines: how many; None = that is not counted.
        orders: some of the orders of what is blocked.
    """

    currency: str
    blocked: str | None
    amount_minor: int
    day: date | None
    is_due: bool
    lines: int | None
    orders: Sequence[str] = ()


def pending_parts(connection: Connection, party: str, now: int) -> list[PendingPart]:
    """What is pending for a party (`ROLE:ID`), by currency: parts by day and by what blocks them, the rest last.

    Lines are those of the KOC, or of all KOCs that a relation ever gave to an agency or a recruiter.

    Args:
        connection: of the reader role.
        party: whose.
        now: the moment, microseconds.
    """
    raw = psycopg_of(connection)
    balances = [row for row in raw.execute(_PENDING, (chart.pending_of(party),)).fetchall() if row[2]]
    parts = _parts(raw, party, [account for account, _, _ in balances], now) if balances else []
    found = []
    for _, currency, amount in balances:
        own = [part for part in parts if part.currency == currency]
        rest = amount - sum(part.amount_minor for part in own)
        found += [*own, *([PendingPart(currency, None, rest, None, lines=None, is_due=False)] if rest else [])]
    return found


def _parts(raw: Any, party: str, pending: Sequence[int], now: int) -> list[PendingPart]:
    """What lines say of a party's pending accounts."""
    role, _, name = party.partition(":")
    members = [name] if role == "koc" else [koc for (koc,) in raw.execute(_MEMBERS, (role, name)).fetchall()]
    last_run, since = horizon(raw, now)
    moments = {"now": to_datetime(now), "last_run": last_run, "since": since}
    wanted = {"members": members, "pending": list(pending), **moments, **open_cases.open_case_names(raw)}
    rows = raw.execute(_PARTS, wanted, prepare=False).fetchall()
    return [PendingPart(*row)._replace(orders=tuple(row[-1] or ())) for row in rows]


def horizon(raw: Any, now: int) -> tuple[datetime | None, datetime]:
    """The moment of the last run, and since when lines are read that were paid; before the first run all are.

    Lines of before were received, and past the greatest return window that the registry knows, when that run was made:
    it settled them or left them out.
    """
    wanted = RECEIPT_DAYS, DEFAULT_HOUSE.return_window_days
    [(last_run, days)] = raw.execute(_HORIZON, wanted).fetchall()
    if last_run is None:
        return None, to_datetime(0)
    return last_run, min(last_run, to_datetime(now)) - timedelta(days=days)
