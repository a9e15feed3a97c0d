"""What posters read of the books for their metrics: each reading is one question, and says what it costs.

None of them grows with the journal, or with the number of order lines.
"""

from collections import Counter

from sqlalchemy import Connection

from services.kernel.time import SECOND
from services.runtime import metric_labels
from services.runtime.metrics import common, poster, show_only
from services.runtime.settings import settings
from services.settlement.books.attention import (
    NEVER_IN_DEBIT,
    count_lines,
    payouts_in_transit,
    role_balances,
    unfinished_work,
    unpriced_lines,
    unregistered_facts,
)
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

IN_TRANSIT_DAYS = (0, 1, 3, 7)
"""Ages of payouts in transit, each up to the next."""


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
    for days, count in payouts_in_transit(connection, IN_TRANSIT_DAYS).items():
        poster().in_transit.labels(str(days)).set(count)


def read_settling(connection: Connection) -> None:
    """What is unfinished, and budgets: reads the accounts of budgets."""
    unfinished = unfinished_work(connection)
    metrics = poster()
    metrics.runs_unfinished.set(unfinished.runs)
    metrics.unstated.set(unfinished.unstated_closes)
    metrics.over_budget.set(unfinished.over_budget)


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
    found = role_balances(connection)
    totals: Counter[tuple[str]] = Counter()
    for one in found:
        totals[one.currency,] += one.amount_minor
    in_debit = sum(one.in_debit for one in found if one.purpose in NEVER_IN_DEBIT)
    show_only(poster().balance, {(one.role, one.purpose, one.currency): one.amount_minor for one in found})
    show_only(poster().trial_balance, totals)
    poster().in_debit.set(in_debit)
    if any(totals.values()):
        common().invariants.labels("trial_balance").inc()
    if in_debit:
        common().invariants.labels("liability_in_debit").inc()


def read_lines(connection: Connection) -> None:
    """Lines that something is wrong with: reads the indexes that list just these."""
    counts, metrics = count_lines(connection), poster()
    metrics.below_join.set(counts.below_join)
    metrics.quarantined.set(counts.quarantined)
    metrics.set_aside.set(counts.set_aside)
    metrics.owned_twice.set(counts.second_owner)
    metrics.jobs_open.set(counts.reprice_jobs)


def read_unpriced(connection: Connection) -> None:
    """Lines that no plan prices: reads each of these by an index that lists them."""
    lines = Counter({(reason,): 0 for reason in metric_labels.UNPRICED.values})
    minor: Counter[tuple[str]] = Counter()
    for reason, currency, count, amount in unpriced_lines(connection):
        lines[reason,] += count
        minor[currency,] += amount
    show_only(poster().unpriced, lines)
    show_only(poster().unpriced_minor, minor)


def read_unregistered(connection: Connection) -> None:
    """Facts that book nothing because no content.registered names their content: reads all of the registry's facts."""
    for kind, count in unregistered_facts(connection).items():
        poster().unregistered.labels(kind).set(count)


AT_EACH_TURN = (read_balances, read_lines, read_settling, read_runs, read_months, read_unpriced)
NOW_AND_THEN = (read_unregistered, read_debts, read_reserves, read_payouts, read_in_transit)
"""What changes by the day, or is read from large tables."""
