"""The lines of a run: what it settles of each, and whether it has come to it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of_order_lines, rows_shown
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind

_LINES = f"""
SELECT planned.partition, planned.order_id, planned.line_id, planned.buyer_id, line.brand_id, line.currency, legs
FROM run_line planned LEFT JOIN line USING (order_id, line_id, buyer_id) LEFT JOIN LATERAL (
  SELECT jsonb_object_agg(account.key, leg.amount) AS legs FROM journal j
  CROSS JOIN LATERAL unnest(j.accounts, j.amounts) AS leg (account_id, amount)
  JOIN account ON account.id = leg.account_id
  WHERE j.order_id = planned.order_id AND j.line_id = planned.line_id AND j.kind = {Kind.COMMISSION_SETTLED.code}
    AND starts_with(j.idem_key || '|', concat_ws('/', 'run|' || planned.run || '|' || planned.order_id,
      planned.line_id, planned.buyer_id) || '|')
) settled ON true
WHERE planned.run = %s AND (planned.partition, planned.order_id, planned.line_id) >= (%s, %s, %s)
ORDER BY planned.partition, planned.order_id, planned.line_id, planned.buyer_id OFFSET %s LIMIT %s
"""  # noqa: S608 - a number of ours
_BEFORE_ALL: PageKey = (-1, "", "", 0)
_OURS = (chart.FEE, chart.VAT_OUTPUT)


class RunLine(NamedTuple):
    """A line that a run settles.

    Attributes:
        settled: minor units by `ROLE:ID`, or `platform`; None = the run has not come to the line yet.
    """

    partition: int
    order_id: str
    line_id: str
    buyer_id: str
    brand_id: str
    currency: str
    settled: Mapping[str, int] | None

    @property
    def place(self) -> PageKey:
        """Where its order line stands among the lines of its run."""
        return self.partition, self.order_id, self.line_id


def run_lines(connection: Connection, run: str, after: PageKey | None = None, limit: int = 50) -> KeysetPage[RunLine]:
    """Lines that a run settles; a key is (partition, order_id, line_id, rows shown)."""
    *place, _ = after or _BEFORE_ALL
    rows = psycopg_of(connection).execute(_LINES, (run, *place, rows_shown(after), limit + 1)).fetchall()
    lines = [RunLine(*row)._replace(settled=None if row[-1] is None else _settled(row[-1])) for row in rows]
    return page_of_order_lines(lines, limit, lambda one: one.place, after)


def _settled(legs: Mapping[str, Any]) -> dict[str, int]:
    """What an entry settles, by claimant."""
    settled = {key.removesuffix(":payable"): -amount for key, amount in legs.items() if key.endswith(":payable")}
    ours = -sum(legs.get(account, 0) for account in _OURS)
    return settled | ({chart.OURSELVES: ours} if ours else {})
