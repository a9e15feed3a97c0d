"""How runs, payouts and months stand, in a few numbers: read from small tables and by keys, never from lines."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

_RUNS = text("SELECT status, count(*) FROM run GROUP BY 1")
_NEWEST_RUN = text("""
SELECT newest.id, as_of, done_at, coalesce((result ->> 'lines')::bigint, 0)
FROM (SELECT id, as_of, done_at FROM run WHERE status = 'done' ORDER BY as_of DESC, done_at DESC LIMIT 1) AS newest
LEFT JOIN command ON command.id = newest.id
""")
_LEFT_OUT = text("SELECT reason, sum(lines)::bigint FROM run_skip WHERE run = :run GROUP BY 1")
_PAYOUTS = text("SELECT status, currency, count(*), sum(amount_minor)::bigint FROM payout GROUP BY 1, 2")
_RESERVES = text("""
SELECT currency, sum(reserve_minor)::bigint FROM run_party WHERE reserve_until > now() GROUP BY 1
""")
_CLOSED_MONTHS = text("SELECT count(*), max(id) FROM period WHERE closed")


class DoneRun(NamedTuple):
    """A run that is done. `left_out` counts due lines that it did not settle, by reason."""

    as_of: datetime
    finished_at: datetime
    settled_lines: int
    left_out: Mapping[str, int]


class PayoutTotal(NamedTuple):
    """Payouts of one state and currency; the money is what parties get, after tax."""

    state: str
    currency: str
    payouts: int
    amount_minor: int


class MonthsClosed(NamedTuple):
    """How many months are closed, and which is the last (YYYY-MM); None = none is."""

    months: int
    last: str | None


def count_runs(connection: Connection) -> dict[str, int]:
    """How many runs are in each state."""
    return {state: int(count) for state, count in connection.execute(_RUNS)}


def newest_run(connection: Connection) -> DoneRun | None:
    """The run with the newest moment among those that are done."""
    found = connection.execute(_NEWEST_RUN).one_or_none()
    if found is None:
        return None
    run, as_of, finished_at, lines = found
    left_out = {reason: int(count) for reason, count in connection.execute(_LEFT_OUT, {"run": run})}
    return DoneRun(as_of, finished_at, lines, left_out)


def payout_totals(connection: Connection) -> list[PayoutTotal]:
    """All payouts, by state and currency; reads the whole table."""
    return [PayoutTotal(*row) for row in connection.execute(_PAYOUTS)]


def open_reserves(connection: Connection) -> dict[str, int]:
    """What runs hold back as reserves until a moment still to come, by currency; reads what runs planned of parties."""
    return {currency: int(amount) for currency, amount in connection.execute(_RESERVES)}


def months_closed(connection: Connection) -> MonthsClosed:
    """How many months are closed, and the last of them."""
    return MonthsClosed(*connection.execute(_CLOSED_MONTHS).one())
