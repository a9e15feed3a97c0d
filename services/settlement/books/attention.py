"""What in the books is not as it should be, or waits for something, in a few numbers.

Each question says what it costs. None grows with the journal, or with the number of order lines.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Integer, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

NEVER_IN_DEBIT = frozenset({"pending", "payable", "held", "fee_deferred"})
"""Purposes of accounts that only ever hold what we owe."""

_ENOUGH_MEMORY = text("SET LOCAL work_mem = '32MB'")
"""Hundreds of thousands of accounts are then joined and summed without temporary files."""
_BALANCES = text("""
SELECT split_part(a.key, ':', 1), CASE split_part(a.key, ':', 1)
    WHEN 'clawback' THEN 'owed' WHEN 'writeoff' THEN 'lost' ELSE split_part(a.key, ':', -1) END,
  a.currency, sum(b.amount_minor)::bigint, count(*) FILTER (WHERE b.amount_minor > 0)
FROM balance b JOIN account a ON a.id = b.account_id GROUP BY 1, 2, 3
""")
_LINES = text("""
SELECT (SELECT coalesce(sum(join_open), 0)::bigint FROM writer),
  (SELECT count(*) FROM line WHERE quarantined IS NOT NULL),
  (SELECT count(*) FROM line WHERE set_aside IS NOT NULL),
  (SELECT count(*) FROM line WHERE NOT standing),
  (SELECT count(DISTINCT job) FROM reprice_progress WHERE NOT done)
""")
_UNPRICED = text("""
SELECT unpriced, currency, count(*), sum(unpriced_minor)::bigint FROM line WHERE unpriced IS NOT NULL GROUP BY 1, 2
""")
_UNFINISHED = text("""
SELECT
  (SELECT count(*) FROM run WHERE status <> 'done'),
  (SELECT count(*) FROM period_close WHERE root IS NULL),
  (SELECT count(*) FROM (
    SELECT FROM balance b JOIN account a ON a.id = b.account_id
    WHERE a.key LIKE 'budget\\:%\\:limit' OR a.key LIKE 'budget\\:%\\:committed'
    GROUP BY substring(a.key FROM '^budget\\:(.*)\\:[^\\:]*$'), a.currency HAVING sum(b.amount_minor) > 0
  ) AS over)
""")
_UNREGISTERED = text("""
SELECT kind.name, count(fact.identity) FROM (VALUES ('script_fee.accepted'), ('spend.reported')) AS kind (name)
LEFT JOIN reference fact ON fact.kind = kind.name AND NOT EXISTS (
  SELECT FROM reference newer
  WHERE newer.kind = fact.kind AND newer.identity = fact.identity AND newer.position > fact.position
) AND NOT EXISTS (
  SELECT FROM reference content WHERE content.kind = 'content.registered'
    AND content.identity = fact.body ->> 'content_id'
) GROUP BY 1
""")
_IN_TRANSIT = text("""
SELECT age.days, count(payout.id) FROM unnest(:ages, :ends) AS age (days, upto)
LEFT JOIN (payout JOIN payout_batch batch ON batch.id = payout.batch) ON payout.status = 'instructed'
  AND extract(day FROM now() - coalesce(batch.approved_at, batch.proposed_at)) BETWEEN age.days AND age.upto
GROUP BY 1
""").bindparams(bindparam("ages", type_=ARRAY(Integer)), bindparam("ends", type_=ARRAY(Integer)))
_FOREVER_DAYS = 1_000_000


class RoleBalance(NamedTuple):
    """The balances of one role and purpose in one currency, debit positive; how many of them are in debit."""

    role: str
    purpose: str
    currency: str
    amount_minor: int
    in_debit: int


class LineCounts(NamedTuple):
    """Lines that something is wrong with, and reprice jobs that are still at work."""

    below_join: int
    quarantined: int
    set_aside: int
    second_owner: int
    reprice_jobs: int


class UnpricedLines(NamedTuple):
    """Lines that no plan prices for one reason, and the base of which nothing is booked."""

    reason: str
    currency: str
    lines: int
    amount_minor: int


class UnfinishedWork(NamedTuple):
    """Runs that are not done, closes whose statements are still to be made, budgets that are over their limit."""

    runs: int
    unstated_closes: int
    over_budget: int


def role_balances(connection: Connection) -> list[RoleBalance]:
    """What accounts come to, by role and purpose: reads all balances."""
    connection.execute(_ENOUGH_MEMORY)
    return [RoleBalance(*row) for row in connection.execute(_BALANCES)]


def count_lines(connection: Connection) -> LineCounts:
    """Lines that something is wrong with: reads the indexes that list just these."""
    return LineCounts(*connection.execute(_LINES).one())


def unpriced_lines(connection: Connection) -> list[UnpricedLines]:
    """Lines that no plan prices: reads each of these by an index that lists them."""
    return [UnpricedLines(*row) for row in connection.execute(_UNPRICED)]


def unfinished_work(connection: Connection) -> UnfinishedWork:
    """What is unfinished, and budgets: reads the accounts of budgets."""
    return UnfinishedWork(*connection.execute(_UNFINISHED).one())


def unregistered_facts(connection: Connection) -> dict[str, int]:
    """Facts that book nothing because no content.registered names their content, by kind: reads all registry facts."""
    return {kind: int(count) for kind, count in connection.execute(_UNREGISTERED)}


def payouts_in_transit(connection: Connection, ages_days: Sequence[int]) -> Mapping[int, int]:
    """Payouts that no reply has ended, by age: reads all payouts.

    Args:
        connection: of the reader role.
        ages_days: where each class of age begins, ascending.
    """
    ends = [*(days - 1 for days in ages_days[1:]), _FOREVER_DAYS]
    rows = connection.execute(_IN_TRANSIT, {"ages": list(ages_days), "ends": ends})
    return {days: int(count) for days, count in rows}
