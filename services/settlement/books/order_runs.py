"""What the books hold of settlement runs for one order: for explanations, read in their snapshot."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from schemas.topics import CREDITS
from services.kernel.time import parse_rfc3339, to_micros
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.plan_rows import LINE_PLAN, PARTY_NETS, RUNS, read_line_plan, read_party_plan, read_run
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_records_port import LineInRun, LinePayout, OrderRuns
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Key
from services.settlement.domain.settling.facts import CASE_KINDS
from services.settlement.domain.settling.plan_hash import PartyPlan

_PLANNED = f"""
SELECT planned.run, progress.done
    OR (order_id, line_id, buyer_id) <= (last_key[1], last_key[2], last_key[3]) IS TRUE,
  {LINE_PLAN.replace("partition", "planned.partition", 1)}
FROM run_line planned JOIN run_progress progress
  ON progress.run = planned.run AND progress.partition = planned.partition
WHERE planned.run = ANY(%s) AND planned.partition = ANY(%s) AND order_id = %s
"""  # noqa: S608 - column names of ours
_CASES = """
SELECT position, kind, identity, body FROM reference
WHERE kind = ANY(%s) AND (
  body ->> 'order_id' = %s OR body ->> 'content_id' = ANY(%s) OR body ->> 'owner' = ANY(%s)
  OR body ->> 'hold_id' IN (
    SELECT body ->> 'hold_id' FROM reference
    WHERE kind = ANY(%s) AND (body ->> 'content_id' = ANY(%s) OR body ->> 'order_id' = %s OR body ->> 'owner' = ANY(%s))
  )
) ORDER BY position
"""
_PAYOUTS = f"""
SELECT DISTINCT split_part(journal.subject, '/', 2), split_part(journal.subject, '/', 3), paid.party, last.id,
  last.status
FROM (SELECT *, substring(idem_key FROM '[^|/]+/[^|/]+/[^|/]+') AS subject FROM journal) journal
CROSS JOIN LATERAL unnest(journal.accounts) AS leg (account_id)
JOIN account ON account.id = leg.account_id AND account.key LIKE '%%:payable'
CROSS JOIN LATERAL (SELECT regexp_replace(account.key, ':payable$', '')) AS paid (party)
LEFT JOIN LATERAL (
  SELECT payout.id, payout.status FROM payout JOIN payout_batch batch ON batch.id = payout.batch
  WHERE payout.party = paid.party AND payout.currency = account.currency AND payout.status <> 'cancelled'
    AND batch.cut[journal.writer + 1] >= journal.seq AND journal.subject <> ALL(payout.kept)
  ORDER BY batch.cut[{CREDITS.partitions + 1}] LIMIT 1
) last ON true
WHERE journal.order_id = %s AND journal.kind = %s ORDER BY 1, 2, 3, 4
"""  # noqa: S608 - a number of ours
_READ = "SELECT line_id, buyer_id, position FROM assertion WHERE order_id = %s"


class RunSubjects(NamedTuple):
    """What disputes and holds may be about, besides the order: contents that it credits, and its claimants."""

    contents: Collection[str]
    claimants: Collection[str]


def read_order_runs(
    connection: Any, accounts: AccountIds, order_id: str, partitions: Collection[int], about: RunSubjects
) -> OrderRuns:
    """Every run, with what it planned of an order and of its parties, and the disputes and holds that are about it.

    Args:
        connection: of psycopg, in a snapshot.
        accounts: of it.
        order_id: whose.
        partitions: of its lines.
        about: what its lines name.
    """

    def rows(statement: str, *parameters: Any) -> Any:
        return connection.execute(statement, parameters or None).fetchall()

    runs = [read_run(row) for row in rows(f"{RUNS} ORDER BY run.planned_at")]
    ids = [run.id for run, _ in runs]
    planned = _by_line(rows(_PLANNED, ids, list(partitions), order_id), accounts)
    contents, owners, kinds = sorted(about.contents), sorted(about.claimants), list(CASE_KINDS)
    cases = rows(_CASES, kinds, order_id, contents, owners, kinds, contents, order_id, owners)
    (now, generation) = rows("SELECT now(), (SELECT coalesce(max(generation), 0) FROM writer)")[0]
    return OrderRuns(
        runs,
        planned,
        _by_run(rows(PARTY_NETS, ids, owners)),
        _paid(order_id, rows(_PAYOUTS, order_id, Kind.COMMISSION_SETTLED.code)),
        [ReferenceEvent(row[0], row[1], row[2], parse_rfc3339(row[3]["occurred_at"]), row[3]) for row in cases],
        {(order_id, line_id, buyer_id): position for line_id, buyer_id, position in rows(_READ, order_id)},
        generation,
        to_micros(now),
    )


def _by_line(rows: Iterable[Sequence[Any]], accounts: AccountIds) -> dict[Key, list[LineInRun]]:
    """What runs planned, by line."""
    planned: dict[Key, list[LineInRun]] = {}
    for run, is_applied, *plan in rows:
        one = LineInRun(run, read_line_plan(plan, accounts), is_applied)
        planned.setdefault(one.plan.key, []).append(one)
    return planned


def _paid(order_id: str, rows: Iterable[Sequence[Any]]) -> dict[Key, list[LinePayout]]:
    """The payouts of what was settled, by line."""
    paid: dict[Key, list[LinePayout]] = {}
    for line_id, buyer_id, *one in rows:
        paid.setdefault((order_id, line_id, buyer_id), []).append(LinePayout(*one))
    return paid


def _by_run(rows: Iterable[Sequence[Any]]) -> dict[str, list[PartyPlan]]:
    """Nets, by run."""
    nets: dict[str, list[PartyPlan]] = {}
    for run, *net in rows:
        nets.setdefault(run, []).append(read_party_plan(net))
    return nets
