"""What a settlement run reads: one snapshot of the books, besides what every reader sees of it."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from services.kernel.time import to_datetime
from services.settlement.books.line_rows import LINE_COLUMNS, read_line
from services.settlement.books.net_snapshot import NetBooksSnapshot
from services.settlement.books.run_ports import BudgetLine, DueLine, FeeBooked
from services.settlement.books.settled_columns import read_shares
from services.settlement.domain.book import chart
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION
from services.settlement.domain.settling.facts import BUDGET, budget_of
from services.settlement.domain.settling.granting import BonusSlot
from services.settlement.domain.settling.tiers import TierCounter

_LINE = ", ".join(f"line.{column.strip()}" for column in LINE_COLUMNS.split(","))
_KEY = "(order_id, line_id, buyer_id)"
_DUE = f"""
SELECT {_LINE}, assertion.position, assertion.raw
FROM (SELECT DISTINCT order_id, line_id, buyer_id FROM due WHERE settle_on <= %s) hint
JOIN line USING {_KEY} JOIN assertion USING {_KEY}
WHERE line.settle_at IS NOT NULL
"""  # noqa: S608 - column names of ours
_CHANGED_BUDGET_LINES = f"""
SELECT {_LINE}, assertion.position, assertion.raw, b.campaign_id, b.currency, b.charged_minor, b.vector, b.worthless
FROM budget_line b JOIN line USING {_KEY} JOIN assertion USING {_KEY}
WHERE line.vector <> b.vector
  OR b.worthless <> (NOT line.standing OR line.order_id = ANY(%s) OR line.order_id || '/' || line.line_id = ANY(%s))
"""  # noqa: S608 - column names of ours
_COMMITTED = """
SELECT a.key, a.currency, b.amount_minor FROM balance b JOIN account a ON a.id = b.account_id
WHERE a.key LIKE 'budget:%:committed'
"""


class RunBooksSnapshot(NetBooksSnapshot):
    """`run_ports.RunSnapshot` on PostgreSQL."""

    def due_lines(self, as_of: int) -> Iterator[DueLine]:
        """Each line once that is due by a hint and by itself, streamed."""
        moment = to_datetime(as_of)
        for row in self._stream("due_lines", _DUE, (moment.date(),)):
            yield self._due(row)

    def _due(self, row: Sequence[Any]) -> DueLine:
        width = len(LINE_COLUMNS.split(","))
        return DueLine(read_line(row, self._accounts, self._terms), row[width], bytes(row[width + 1]))

    def tier_counters(self) -> dict[TierCounter, int]:
        """What earlier runs counted."""
        rows = self._raw.execute("SELECT plan_id, koc_id, month, currency, base_minor FROM tier_counter").fetchall()
        return {TierCounter(*row[:4]): row[4] for row in rows}

    def taken_slots(self, wanted: Collection[BonusSlot]) -> set[BonusSlot]:
        """Those of these slots whose bonus is taken."""
        if not wanted:
            return set()
        brands, buyers = zip(*wanted, strict=True)
        rows = self._raw.execute(
            "SELECT brand_id, buyer_id FROM bonus_slot JOIN unnest(%s::text[], %s::text[]) AS w (brand_id, buyer_id)"
            " USING (brand_id, buyer_id)",
            (list(brands), list(buyers)),
        )
        return {(brand_id, buyer_id) for brand_id, buyer_id in rows.fetchall()}

    def budgets(self) -> dict[BudgetKey, tuple[int, int]]:
        """(limit, committed) of each budget that was ever set."""
        set_ones = (budget_of(event.body) for event in self.facts(BUDGET).values())
        limits = {BudgetKey(one.campaign_id, one.currency): one.amount_minor for one in set_ones}
        rows = self._raw.execute(_COMMITTED).fetchall()
        committed = {(key, currency): amount for key, currency, amount in rows}
        return {
            key: (limit, committed.get((chart.budget_committed(key.campaign_id), key.currency), 0))
            for key, limit in limits.items()
        }

    def budget_worth(self) -> dict[BudgetKey, int]:
        """What each budget's lines take, as worked out last."""
        rows = self._raw.execute(
            "SELECT campaign_id, currency, sum(charged_minor)::bigint FROM budget_line GROUP BY 1, 2"
        ).fetchall()
        return {BudgetKey(campaign_id, currency): amount for campaign_id, currency, amount in rows}

    def changed_budget_lines(self) -> Iterator[tuple[BudgetKey, BudgetLine, DueLine]]:
        """Lines with a grant of a budget whose vector, standing or denial changed since that was worked out."""
        denied = self.reference().denied
        orders = [order_id for order_id, line_id in denied if line_id is None]
        lines = [f"{order_id}/{line_id}" for order_id, line_id in denied if line_id is not None]
        for row in self._stream("budget_lines", _CHANGED_BUDGET_LINES, (orders, lines)):
            campaign_id, currency, charged, vector, is_worthless = row[-5:]
            yield BudgetKey(campaign_id, currency), BudgetLine(charged, tuple(vector), is_worthless), self._due(row)

    def script_fees(self) -> Iterator[FeeBooked]:
        """All that are booked or settled."""
        rows = self._raw.execute(
            "SELECT identity, currency, accounts, amounts, settled_accounts, settled_amounts FROM content_position"
            " WHERE kind = %s",
            (SCRIPT_FEE_POSITION,),
        )
        for identity, currency, accounts, amounts, settled_accounts, settled_amounts in rows.fetchall():
            booked = self._accounts.position(accounts, amounts)
            settled = read_shares(settled_accounts, settled_amounts, self._accounts)
            yield FeeBooked(identity, currency, booked, settled)
