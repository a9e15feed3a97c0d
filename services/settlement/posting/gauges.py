"""What the books say about themselves, read every few seconds on a thread and a connection of their own.

KOC_GAUGE_SECONDS lie between two readings; nothing that they read grows with the journal or with the number of lines.
"""

import threading
from collections import Counter

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.kernel.time import SECOND
from services.runtime import metric_labels
from services.runtime.metrics import common, poster, show_only
from services.runtime.settings import settings
from services.settlement.books.clawbacks import open_clawbacks
from services.settlement.books.seal_proof import SealWatch
from services.settlement.books.settling_totals import (
    count_runs,
    months_closed,
    newest_run,
    open_reserves,
    payout_totals,
)
from services.settlement.domain.book.periods import month_end
from services.settlement.domain.settling.ageing import AGES_DAYS

SLOW_EVERY = 12
"""Every so many turns (a minute, by default) what takes longer is read too."""
SEALS_EVERY = 120
"""Every so many turns (ten minutes, by default) one seal is proven, which reads the whole journal."""
_ROLES = """
SELECT split_part(a.key, ':', 1), CASE split_part(a.key, ':', 1)
    WHEN 'clawback' THEN 'owed' WHEN 'writeoff' THEN 'lost' ELSE substring(a.key FROM '[^:]*$') END,
  a.currency, sum(b.amount_minor)
FROM balance b JOIN account a ON a.id = b.account_id GROUP BY 1, 2, 3
"""
_LINES = """
SELECT (SELECT coalesce(sum(join_open), 0) FROM writer),
  (SELECT count(*) FROM line WHERE quarantined IS NOT NULL),
  (SELECT count(*) FROM line WHERE set_aside IS NOT NULL),
  (SELECT count(*) FROM line WHERE NOT standing),
  (SELECT count(DISTINCT job) FROM reprice_progress WHERE NOT done)
"""
_SETTLING = """
SELECT
  (SELECT count(*) FROM balance b JOIN account a ON a.id = b.account_id WHERE b.amount_minor > 0
    AND (a.key LIKE ANY('{%\\:pending,%\\:payable,%\\:held}') OR a.key = 'platform\\:fee_deferred')),
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

log = structlog.get_logger(__name__)


class Gauges(threading.Thread):
    """Reads until the process ends; a database that does not answer leaves the last values."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="gauges", daemon=True)
        self._engine = engine
        self._end = threading.Event()
        self._seals = SealWatch()

    def run(self) -> None:
        """Read, wait, read again."""
        turns = 0
        while not self._end.wait(settings().gauge_seconds):
            try:
                with self._engine.connect() as connection:
                    read_gauges(connection)
                    if turns % SLOW_EVERY == 0:
                        read_debts(connection)
                        read_reserves(connection)
                        read_payouts(connection)
                        read_in_transit(connection)
                    if turns % SEALS_EVERY == 0:
                        read_seals(connection, self._seals)
                turns += 1
            except SQLAlchemyError as error:
                log.warning("gauges not read", error=str(error).partition("\n")[0])


def read_gauges(connection: Connection) -> None:
    """Set the gauges from the books."""
    _read_balances(connection)
    _read_unpriced(connection)
    _read_unregistered(connection)
    _read_settling(connection)
    _read_runs(connection)
    _read_months(connection)
    metrics = poster()
    below, quarantined, set_aside, second, jobs = connection.execute(text(_LINES)).one()
    metrics.below_join.set(int(below))
    metrics.quarantined.set(quarantined)
    metrics.set_aside.set(set_aside)
    metrics.owned_twice.set(second)
    metrics.jobs_open.set(jobs)


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


def read_seals(connection: Connection, watch: SealWatch) -> None:
    """Prove the next seal."""
    broken = watch.broken_after(connection)
    poster().seals_broken.set(broken)
    if broken:
        common().invariants.labels("seal").inc()


def read_in_transit(connection: Connection) -> None:
    """Payouts that no reply has ended, by age: reads all payouts."""
    ends = [*(days - 1 for days in IN_TRANSIT_DAYS[1:]), 1_000_000]
    for days, count in connection.execute(text(_IN_TRANSIT), {"ages": list(IN_TRANSIT_DAYS), "ends": ends}):
        poster().in_transit.labels(str(days)).set(count)


def _read_settling(connection: Connection) -> None:
    in_debit, unfinished, unstated, over_budget = connection.execute(text(_SETTLING)).one()
    metrics = poster()
    metrics.in_debit.set(in_debit)
    metrics.runs_unfinished.set(unfinished)
    metrics.unstated.set(unstated)
    metrics.over_budget.set(over_budget)
    if in_debit:
        common().invariants.labels("liability_in_debit").inc()


def _read_runs(connection: Connection) -> None:
    metrics = poster()
    states = {**dict.fromkeys(metric_labels.RUN_STATE.values, 0), **count_runs(connection)}
    show_only(metrics.runs, {(state,): count for state, count in states.items()})
    if run := newest_run(connection):
        metrics.run_as_of.set(run.as_of.timestamp())
        metrics.run_finished_at.set(run.finished_at.timestamp())
        results = {**dict.fromkeys(metric_labels.LINE_RESULT.values, 0), **run.left_out, "settled": run.settled_lines}
        show_only(metrics.run_lines, {(result,): lines for result, lines in results.items()})


def _read_months(connection: Connection) -> None:
    months = months_closed(connection)
    end = None if months.last is None else month_end(months.last, settings().settlement_zone_minutes) / SECOND
    poster().periods_closed.set(months.months)
    poster().period_end.set(end)


def _read_balances(connection: Connection) -> None:
    metrics = poster()
    totals: dict[str, int] = {}
    for role, purpose, currency, amount in connection.execute(text(_ROLES)):
        metrics.balance.labels(role, purpose, currency).set(int(amount))
        totals[currency] = totals.get(currency, 0) + int(amount)
    for currency, total in totals.items():
        metrics.trial_balance.labels(currency).set(total)
        if total:
            common().invariants.labels("trial_balance").inc()


def _read_unpriced(connection: Connection) -> None:
    lines = Counter({(reason,): 0 for reason in metric_labels.UNPRICED.values})
    minor: Counter[tuple[str]] = Counter()
    for reason, currency, count, amount in connection.execute(text(_UNPRICED)):
        lines[reason,] += count
        minor[currency,] += int(amount)
    show_only(poster().unpriced, lines)
    show_only(poster().unpriced_minor, minor)


def _read_unregistered(connection: Connection) -> None:
    """Facts that book nothing because no content.registered names their content."""
    for kind, count in connection.execute(text(_UNREGISTERED)):
        poster().unregistered.labels(kind).set(count)
