"""What checkers read of runs in PostgreSQL, by the cursors of their snapshot."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from services.kernel.time import parse_rfc3339, to_micros
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.line_rows import LINE_COLUMNS, read_line
from services.settlement.books.plan_rows import (
    CONTENT_PLANS,
    LINE_PLAN,
    PARTY_PLANS,
    RUNS,
    read_content_plan,
    read_line_plan,
    read_party_plan,
    read_run,
)
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_ports import BudgetLine
from services.settlement.books.run_records_port import (
    BonusClaim,
    BudgetClaim,
    LineInRun,
    PartyLeg,
    RunPlan,
    RunRecord,
    SettledLine,
)
from services.settlement.books.terms_ids import TermsIds
from services.settlement.domain.lines.line import Key
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.facts import CASE_KINDS
from services.settlement.domain.settling.plan_hash import LinePlan

_LINE = ", ".join(f"line.{column.strip()}" for column in LINE_COLUMNS.split(","))
_WIDTH = len(LINE_COLUMNS.split(","))
_KEY = "(order_id, line_id, buyer_id)"
_PLAN_LINES = f"SELECT {LINE_PLAN} FROM run_line WHERE run = %s"  # noqa: S608 - column names of ours
_SETTLED = f"""
SELECT order_id, line_id, buyer_id, {_LINE}, planned.run, planned.is_applied, planned.number, planned.position,
  planned.settled_accounts, planned.settled_amounts, planned.grants, planned.parts
FROM line FULL JOIN (
  SELECT one.*, one.partition AS number, run.planned_at, progress.done
    OR (one.order_id, one.line_id, one.buyer_id)
      <= (progress.last_key[1], progress.last_key[2], progress.last_key[3]) IS TRUE AS is_applied
  FROM run_line one JOIN run ON run.id = one.run
  JOIN run_progress progress ON progress.run = one.run AND progress.partition = one.partition
) planned USING {_KEY}
WHERE planned.run IS NOT NULL OR line.settled_accounts <> '{{}}' OR line.terms IS NOT NULL
ORDER BY 1, 2, 3, planned.planned_at
"""  # noqa: S608 - column names of ours
_LEGS = """
SELECT account_id, writer, seq, amount_minor, effective_at, order_id, line_id, kind FROM party_leg
ORDER BY writer, seq, account_id
"""
_CLAIMS = f"""
SELECT claim.campaign_id, claim.currency, order_id, line_id, buyer_id, claim.charged_minor, claim.vector,
  claim.worthless, assertion.raw, {_LINE}
FROM budget_line claim LEFT JOIN line USING {_KEY} LEFT JOIN assertion USING {_KEY}
"""  # noqa: S608 - column names of ours
_BONUSES = f"""
SELECT order_id, line_id, buyer_id, slot.brand_id, slot.run, granted.brand_id, coalesce(granted.bonus, 0)
FROM bonus_slot slot FULL JOIN (
  SELECT order_id, line_id, buyer_id, brand_id, (grants ->> 'bonus')::bigint AS bonus FROM line
  WHERE grants IS NOT NULL AND (grants ->> 'bonus')::bigint > 0
) granted USING {_KEY}
"""  # noqa: S608 - column names of ours
_CASES = "SELECT position, kind, identity, body FROM reference WHERE kind = ANY(%s) ORDER BY position"

Stream = Callable[[str, str, Sequence[Any] | None], Iterator[Sequence[Any]]]
"""Rows through a server-side cursor: its name, a statement, its parameters."""


class StoredRunRecords:
    """`run_records_port.RunRecords` on PostgreSQL.

    Args:
        connection: a psycopg connection in a snapshot.
        stream: opens a cursor of it.
        accounts: of it.
        terms: of it.
    """

    def __init__(self, connection: Any, stream: Stream, accounts: AccountIds, terms: TermsIds) -> None:
        self._connection = connection
        self._stream = stream
        self._accounts = accounts
        self._terms = terms

    def runs(self) -> list[RunRecord]:
        """All runs in the order in which they were planned."""
        applied: dict[str, dict[int, bool]] = {}
        for run, partition, done in self._all("SELECT run, partition, done FROM run_progress"):
            applied.setdefault(run, {})[partition] = done
        runs = map(read_run, self._all(f"{RUNS} ORDER BY run.planned_at"))
        return [RunRecord(run, point, applied.get(run.id, {})) for run, point in runs]

    def plan_lines(self, run: str) -> Iterator[LinePlan]:
        """What a run plans of lines."""
        for row in self._stream("plan_lines", _PLAN_LINES, (run,)):
            yield read_line_plan(row, self._accounts)

    def plan(self, run: str) -> RunPlan:
        """What a run plans besides."""
        contents = [read_content_plan(row, self._accounts) for row in self._all(CONTENT_PLANS, (run,))]
        return RunPlan(contents, [read_party_plan(row) for row in self._all(PARTY_PLANS, (run,))])

    def settled_lines(self) -> Iterator[SettledLine]:
        """Every line that a run planned or that something is settled of."""
        rows = self._stream("settled_lines", _SETTLED, None)
        for key, some in groupby(rows, key=lambda row: (row[0], row[1], row[2])):
            yield self._settled_line(key, list(some))

    def _settled_line(self, key: Key, rows: Sequence[Sequence[Any]]) -> SettledLine:
        stored = rows[0][3 : 3 + _WIDTH]
        line = None if stored[3] is None else read_line(stored, self._accounts, self._terms)
        plans = []
        for run, is_applied, partition, *rest in (row[3 + _WIDTH :] for row in rows):
            if run is not None:
                plans.append(LineInRun(run, read_line_plan((partition, *key, *rest), self._accounts), is_applied))
        return SettledLine(key, line, plans)

    def party_legs(self) -> Iterator[PartyLeg]:
        """All of them by writer, number and account."""
        for row in self._stream("party_legs", _LEGS, None):
            account, writer, seq, amount, effective_at, order_id, line_id, kind = row
            yield PartyLeg(account, writer, seq, amount, to_micros(effective_at), order_id, line_id, kind)

    def budget_claims(self) -> Iterator[BudgetClaim]:
        """What lines take of budgets."""
        for row in self._stream("budget_claims", _CLAIMS, None):
            campaign_id, currency, order_id, line_id, buyer_id, charged, vector, worthless, raw, *stored = row
            line = None if stored[3] is None else read_line(stored, self._accounts, self._terms)
            taken = BudgetLine(charged, tuple(vector), worthless)
            key = (order_id, line_id, buyer_id)
            budget = BudgetKey(campaign_id, currency)
            yield BudgetClaim(budget, key, taken, line, None if raw is None else bytes(raw))

    def bonuses(self) -> Iterator[BonusClaim]:
        """Every slot that is taken, and every line with a bonus."""
        for order_id, line_id, buyer_id, *rest in self._stream("bonuses", _BONUSES, None):
            yield BonusClaim((order_id, line_id, buyer_id), *rest)

    def case_events(self) -> list[ReferenceEvent]:
        """Every version of the events of disputes and holds."""
        return [
            ReferenceEvent(position, kind, identity, parse_rfc3339(body["occurred_at"]), body)
            for position, kind, identity, body in self._all(_CASES, (list(CASE_KINDS),))
        ]

    def _all(self, statement: str, parameters: Sequence[Any] | None = None) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = self._connection.execute(statement, parameters).fetchall()
        return found
