"""The transactions that apply a run: chunks of lines beside the posters, and its end under writer N."""

from collections.abc import Sequence
from typing import Any

from services.kernel.time import to_datetime
from services.settlement.books.line_rows import LINE_COLUMNS, read_line
from services.settlement.books.plan_rows import CONTENT_PLANS, PARTY_PLANS, read_content_plan, read_party_plan
from services.settlement.books.ports import ContentPosition
from services.settlement.books.registry_transaction import RegistryPostingTransaction
from services.settlement.books.run_ports import FeeBooked
from services.settlement.books.settled_columns import read_grants, read_shares
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan, PartyPlan

_LINE = ", ".join(f"line.{column.strip()}" for column in LINE_COLUMNS.split(","))
_KEY = "(order_id, line_id, buyer_id)"
_PLANNED = f"""
SELECT {_LINE}, planned.position, planned.settled_accounts, planned.settled_amounts, planned.grants,
  CASE WHEN assertion.position <> planned.position OR line.settled_accounts <> '{{}}' THEN assertion.raw END
FROM run_line planned JOIN line USING {_KEY} JOIN assertion USING {_KEY}
WHERE planned.run = %s AND planned.partition = %s
  AND (planned.order_id, planned.line_id, planned.buyer_id) > (%s, %s, %s)
ORDER BY planned.order_id, planned.line_id, planned.buyer_id LIMIT %s
"""  # noqa: S608 - column names of ours
_FORGET_HINTS = """
DELETE FROM due WHERE ctid = ANY(ARRAY(
  SELECT due.ctid FROM due JOIN line USING (order_id, line_id, buyer_id)
  WHERE due.partition = %s AND due.settle_on <= %s
    AND (line.settle_at IS NULL OR (line.settle_at AT TIME ZONE 'UTC')::date <> due.settle_on)
  LIMIT %s
))
"""
_BEFORE_ALL = ("", "", "")


class RunTransaction(RegistryPostingTransaction):
    """`run_ports.ApplyTransaction` and `NetTransaction` on PostgreSQL; the caller commits."""

    def read_run_progress(self, run: str, partition: int) -> tuple[Key | None, bool]:
        """The last line that was settled, and whether it was the partition's last; the writer's lock keeps it still."""
        wanted = "SELECT last_key, done FROM run_progress WHERE run = %s AND partition = %s"
        last, done = self._one(wanted, (run, partition))
        return None if last is None else (last[0], last[1], last[2]), done

    def planned_lines(
        self, run: str, partition: int, after: Key | None, limit: int
    ) -> list[tuple[LinePlan, Line, bytes | None]]:
        """The next planned lines in key order, each with the line as it is now, and perhaps its assertion."""
        wanted = (run, partition, *(after or _BEFORE_ALL), limit)
        return [self._planned(row) for row in self.cursor.execute(_PLANNED, wanted).fetchall()]

    def _planned(self, row: Sequence[Any]) -> tuple[LinePlan, Line, bytes | None]:
        line = read_line(row, self.accounts, self.terms)
        position, accounts, amounts, grants, raw = row[-5:]
        settled = read_shares(accounts, amounts, self.accounts)
        plan = LinePlan(line.partition, line.key, position, settled, read_grants(grants), ())
        return plan, line, None if raw is None else bytes(raw)

    def save_run_progress(self, run: str, partition: int, last: Key | None, *, done: bool) -> None:
        """Store how far the run is."""
        change = "UPDATE run_progress SET last_key = %s, done = %s WHERE run = %s AND partition = %s"
        self.cursor.execute(change, (None if last is None else list(last), done, run, partition))

    def forget_hints(self, partition: int, as_of: int, limit: int) -> int:
        """Delete hints of days up to `as_of` whose line no longer waits for that day; returns how many."""
        return int(self.cursor.execute(_FORGET_HINTS, (partition, to_datetime(as_of).date(), limit)).rowcount)

    def run_status(self, run: str) -> str:
        """Planned, applied or done."""
        return str(self._one("SELECT status FROM run WHERE id = %s", (run,))[0])

    def planned_contents(self, run: str) -> list[tuple[ContentPlan, FeeBooked]]:
        """The plan's script fees, each with what is booked now."""
        rows = self.cursor.execute(CONTENT_PLANS, (run,)).fetchall()
        plans = [read_content_plan(row, self.accounts) for row in rows]
        booked = self.read_positions(SCRIPT_FEE_POSITION, [plan.content_id for plan in plans])
        return [
            (plan, FeeBooked(plan.content_id, plan.currency, *booked[plan.content_id, plan.currency])) for plan in plans
        ]

    def put_script_fees(self, fees: Sequence[FeeBooked]) -> None:
        """Store what is booked and settled now."""
        positions = {(fee.content_id, fee.currency): ContentPosition(fee.booked, fee.settled) for fee in fees}
        self.put_positions(SCRIPT_FEE_POSITION, positions)

    def planned_parties(self, run: str) -> list[PartyPlan]:
        """The plan's nets."""
        return [read_party_plan(row) for row in self.cursor.execute(PARTY_PLANS, (run,)).fetchall()]

    def finish_run(self, run: str) -> None:
        """Status done."""
        self.cursor.execute("UPDATE run SET status = 'done', done_at = now() WHERE id = %s", (run,))

    def _one(self, statement: str, parameters: Sequence[Any]) -> Any:
        return self.cursor.execute(statement, parameters).fetchone()
