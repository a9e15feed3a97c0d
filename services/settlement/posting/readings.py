"""What posters read of the books for their metrics: each reading is one question, and says what it costs.

None of them grows with the journal, or with the number of order lines.
"""

from collections import Counter

from sqlalchemy import Connection, text

from services.kernel.time import SECOND
from services.runtime import metric_labels
from services.runtime.metrics import common, poster, show_only
from services.runtime.settings import settings
from services.settlement.books.clawbacks import open_clawbacks
from services.settlement.books.settling_totals import (
    count_runs,
    months_closed,
    newest_run,
    open_reserves,
    payout_totals,
)
from services.settlement.domain.book.periods import month_end
from services.settlement.domain.settling.ageing import AGES_DAYS

_ROLES = """
SELECT split_part(a.key, ':', 1), CASE split_part(a.key, ':', 1)
    WHEN 'clawback' THEN 'owed' WHEN 'writeoff' THEN 'lost' ELSE split_part(a.key, ':', -1) END,
  a.currency, sum(b.amount_minor)::bigint, count(*) FILTER (WHERE b.amount_minor > 0)
FROM balance b JOIN account a ON a.id = b.account_id GROUP BY 1, 2, 3
"""
_ENOUGH_MEMORY = "SET LOCAL work_mem = '32MB'"
"""Hundreds of thousands of accounts are then joined and summed without temporary files."""
_LINES = """
SELECT (SELECT coalesce(sum(join_open), 0) FROM writer),
  (SELECT count(*) FROM line WHERE quarantined IS NOT NULL),
  (SELECT count(*) FROM line WHERE set_aside IS NOT NULL),
  (SELECT count(*) FROM line WHERE NOT standing),
  (SELECT count(DISTINCT job) FROM reprice_progress WHERE NOT done)
"""
_SETTLING = """
SELECT
  (SELECT count(*) FROM run WHERE status <> 'done'),
  (SELECT count(*) FROM period_close WHERE root IS NULL),
  (SELECT count(*) FROM (
    SELECT FROM balance b JOIN account a ON a.id = b.account_id
    WHERE a.key LIKE 'budget\\:%\\:limit' OR a.key LIKE 'budget\\:%\\:committed'
    GROUP BY substring(a.key FROM '^budget\\:(.*)\\:[^\\:]*$'), a.currency HAVING sum(b.amount_minor) > 0
  ) AS over)
"""
_UNPRICED = """
SELECT unpriced, currency, count(*), sum(unpriced_minor) FROM line WHERE unpriced IS NOT NULL GROUP BY 1, 2
"""
_UNREGISTERED = """
SELECT kind.name, count(fact.identity) FROM (VALUES ('script_fee.accepted'), ('spend.reported')) AS kind (name)
LEFT JOIN reference fact ON fact.kind = kind.name AND NOT EXISTS (
  SELECT FROM reference newer
  WHERE newer.kind = fact.kind AND newer.identity = fact.identity AND newer.position > fact.position
) AND NOT EXISTS (
  SELECT FROM reference content WHERE content.kind = 'content.registered'
    AND content.identity = fact.body ->> 'content_id'
) GROUP BY 1
"""
_IN_TRANSIT = """
SELECT age.days, count(payout.id) FROM unnest((:ages)::int[], (:ends)::int[]) AS age (days, upto)
LEFT JOIN (payout JOIN payout_batch batch ON batch.id = payout.batch) ON payout.status = 'instructed'
  AND extract(day FROM now() - coalesce(batch.approved_at, batch.proposed_at)) BETWEEN age.days AND age.upto
GROUP BY 1
"""
IN_TRANSIT_DAYS = (0, 1, 3, 7)
"""Ages of payouts in transit, each up to the next."""
_NEVER_IN_DEBIT = frozenset({"pending", "payable", "held", "fee_deferred"})
"""Purposes of accounts that only ever hold what we owe."""


def read_debts(connection: Connection) -> None:
    """What parties owe back, by age: reads the legs of all who do."""
    owed: Counter[tuple[str, str]] = Counter()
    for debt in open_clawbacks(connection):
        for age, amount in zip(AGES_DAYS, debt.aged.open_minor, strict=True):
            owed[str(age), debt.currency] += amount
    show_only(poster().clawback, owed)


def read_reserves(connection: Connection) -> None:
    """What is held back for a time: reads what runs planned of parties."""
    show_only(poster().reserve, {(currency,): amount for currency, amount in open_reserves(connection).items()})


def read_payouts(connection: Connection) -> None:
    """Payouts by state: reads all of them."""
    totals = payout_totals(connection)
    counts = Counter(dict.fromkeys(metric_labels.PAYOUT_STATE.values, 0))
    for total in totals:
        counts[total.state] += total.payouts
    show_only(poster().payouts, {(state,): count for state, count in counts.items()})
    show_only(poster().payouts_minor, {(total.state, total.currency): total.amount_minor for total in totals})


def read_in_transit(connection: Connection) -> None:
    """Payouts that no reply has ended, by age: reads all payouts."""
    ends = [*(days - 1 for days in IN_TRANSIT_DAYS[1:]), 1_000_000]
    for days, count in connection.execute(text(_IN_TRANSIT), {"ages": list(IN_TRANSIT_DAYS), "ends": ends}):
        poster().in_transit.labels(str(days)).set(count)


def read_settling(connection: Connection) -> None:
    """What is unfinished, and budgets: reads the accounts of budgets."""
    unfinished, unstated, over_budget = connection.execute(text(_SETTLING)).one()
    metrics = poster()
    metrics.runs_unfinished.set(unfinished)
    metrics.unstated.set(unstated)
    metrics.over_budget.set(over_budget)


def read_runs(connection: Connection) -> None:
    """Runs by state, and what the newest one has done: reads the table of runs, which has one row a run."""
    metrics = poster()
    states = {**dict.fromkeys(metric_labels.RUN_STATE.values, 0), **count_runs(connection)}
    show_only(metrics.runs, {(state,): count for state, count in states.items()})
    if run := newest_run(connection):
        metrics.run_as_of.set(run.as_of.timestamp())
        metrics.run_finished_at.set(run.finished_at.timestamp())
        results = {**dict.fromkeys(metric_labels.LINE_RESULT.values, 0), **run.left_out, "settled": run.settled_lines}
        show_only(metrics.run_lines, {(result,): lines for result, lines in results.items()})


def read_months(connection: Connection) -> None:
    """Closed months: reads the table of months."""
    months = months_closed(connection)
    end = None if months.last is None else month_end(months.last, settings().settlement_zone_minutes) / SECOND
    poster().periods_closed.set(months.months)
    poster().period_end.set(end)


def read_balances(connection: Connection) -> None:
    """What accounts come to, by role and purpose, and the two invariants of them: reads all balances."""
    connection.execute(text(_ENOUGH_MEMORY))
    found = connection.execute(text(_ROLES)).all()
    totals: Counter[tuple[str]] = Counter()
    for _, _, currency, amount, _ in found:
        totals[currency,] += amount
    in_debit = sum(debits for _, purpose, _, _, debits in found if purpose in _NEVER_IN_DEBIT)
    show_only(poster().balance, {(role, purpose, of): amount for role, purpose, of, amount, _ in found})
    show_only(poster().trial_balance, totals)
    poster().in_debit.set(in_debit)
    if any(totals.values()):
        common().invariants.labels("trial_balance").inc()
    if in_debit:
        common().invariants.labels("liability_in_debit").inc()


def read_lines(connection: Connection) -> None:
    """Lines that something is wrong with: reads the indexes that list just these."""
    below, quarantined, set_aside, second, jobs = connection.execute(text(_LINES)).one()
    metrics = poster()
    metrics.below_join.set(int(below))
    metrics.quarantined.set(quarantined)
    metrics.set_aside.set(set_aside)
    metrics.owned_twice.set(second)
    metrics.jobs_open.set(jobs)


def read_unpriced(connection: Connection) -> None:
    """Lines that no plan prices: reads each of these by an index that lists them."""
    lines = Counter({(reason,): 0 for reason in metric_labels.UNPRICED.values})
    minor: Counter[tuple[str]] = Counter()
    for reason, currency, count, amount in connection.execute(text(_UNPRICED)):
        lines[reason,] += count
        minor[currency,] += int(amount)
    show_only(poster().unpriced, lines)
    show_only(poster().unpriced_minor, minor)


def read_unregistered(connection: Connection) -> None:
    """Facts that book nothing because no content.registered names their content: reads all of the registry's facts."""
    for kind, count in connection.execute(text(_UNREGISTERED)):
        poster().unregistered.labels(kind).set(count)


AT_EACH_TURN = (read_balances, read_lines, read_settling, read_runs, read_months, read_unpriced)
NOW_AND_THEN = (read_unregistered, read_debts, read_reserves, read_payouts, read_in_transit)
"""What changes by the day, or is read from large tables."""
