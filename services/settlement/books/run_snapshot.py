"""What a settlement run reads: one snapshot of the books, besides what every reader sees of it."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from services.kernel.time import to_datetime
from services.settlement.books.line_rows import LINE_COLUMNS, read_line
from services.settlement.books.record_command import read_point
from services.settlement.books.run_ports import BudgetLine, DueLine, FeeBooked, InCurrency, PartyBalance, RunPoint
from services.settlement.books.settled_columns import read_shares
from services.settlement.books.snapshot import Snapshot
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.candidates import OpenCases, cases_of
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION
from services.settlement.domain.settling.facts import (
    BUDGET,
    DISPUTE_DECIDED,
    DISPUTE_OPENED,
    HOLD_PLACED,
    HOLD_RELEASED,
    Hold,
    budget_of,
    open_disputes,
    open_holds,
)
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
_SETTLED_OF_ORDERS = f"SELECT {_LINE} FROM line WHERE order_id = ANY(%s) AND settled_accounts <> '{{}}'"  # noqa: S608
_SETTLED_OF_CONTENTS = f"""
SELECT {_LINE} FROM line WHERE (order_id, line_id, buyer_id) IN (
  SELECT order_id, line_id, buyer_id FROM run_line, jsonb_array_elements(parts) AS part WHERE part ->> 0 = ANY(%s)
)
"""  # noqa: S608 - column names of ours
_BALANCES = """
SELECT a.key, a.currency, b.amount_minor FROM balance b JOIN account a ON a.id = b.account_id
WHERE b.amount_minor <> 0 AND (a.key LIKE '%:payable' OR a.key LIKE '%:held' OR a.key LIKE 'clawback:%'
  OR a.key LIKE 'writeoff:%')
"""
_COMMITTED = """
SELECT a.key, a.currency, b.amount_minor FROM balance b JOIN account a ON a.id = b.account_id
WHERE a.key LIKE 'budget:%:committed'
"""
_RESERVES = """
SELECT party, currency, sum(reserve_minor)::bigint FROM run_party WHERE reserve_until > %s GROUP BY 1, 2
"""
_LEGS = """
SELECT coalesce(sum(l.amount_minor), 0)::bigint FROM party_leg l JOIN account a ON a.id = l.account_id
WHERE a.key = ANY(%s) AND a.currency = %s AND l.kind = ANY(%s)
"""
_CLAWED_BACK = """
SELECT coalesce(sum(l.amount_minor), 0)::bigint FROM party_leg l JOIN account a ON a.id = l.account_id
WHERE a.key = %s AND a.currency = %s AND l.order_id IS NOT NULL
"""


class RunBooksSnapshot(Snapshot):
    """`run_ports.RunSnapshot` on PostgreSQL."""

    _reference: Reference | None = None

    def reference(self) -> Reference:
        """As of the point's registry offset, with every version; read once."""
        if self._reference is None:
            self._reference = super().reference()
        return self._reference

    def point(self) -> RunPoint:
        """How far it is."""
        body: Any = read_point(self._connection)
        return RunPoint(**body)

    def open_cases(self) -> OpenCases:
        """Disputes opened and not decided, and holds placed and not released, but for those on owners."""
        facts = [*self.facts(DISPUTE_OPENED).values(), *self.facts(DISPUTE_DECIDED).values()]
        return cases_of(open_disputes(facts), self._open_holds())

    def held_owners(self) -> frozenset[str]:
        """Parties with an open hold on them."""
        return frozenset(one.owner for one in self._open_holds() if one.owner is not None)

    def _open_holds(self) -> list[Hold]:
        return open_holds([*self.facts(HOLD_PLACED).values(), *self.facts(HOLD_RELEASED).values()])

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

    def balances_of(self, parties: Collection[InCurrency]) -> list[PartyBalance]:
        """Of these, and of every other party whose clawback or held balance is not zero."""
        sums = {(key, of): int(amount) for key, of, amount in self._raw.execute(_BALANCES).fetchall()}
        debts = {(chart.party_of(key), of) for key, of in sums if key.startswith("clawback:") or key.endswith(":held")}
        return [
            PartyBalance(
                party,
                currency,
                -sums.get((chart.payable(party), currency), 0),
                -sums.get((chart.held(party), currency), 0),
                sums.get((chart.clawback(party), currency), 0),
                sums.get((chart.write_off(party), currency), 0),
            )
            for party, currency in sorted({*parties, *debts})
        ]

    def reserves(self, as_of: int) -> dict[InCurrency, int]:
        """Reserves of earlier runs whose `until` is later than this."""
        rows = self._raw.execute(_RESERVES, (to_datetime(as_of),)).fetchall()
        return {(party, currency): amount for party, currency, amount in rows}

    def netted_since(self, party: InCurrency) -> int:
        """What was netted of a party's payable and held money."""
        name, currency = party
        accounts = [chart.payable(name), chart.held(name)]
        return self._sum(_LEGS, (accounts, currency, [Kind.CLAWBACK_NETTED.code]))

    def clawed_back_unpaid(self, party: InCurrency) -> int:
        """What is clawed back of lines."""
        name, currency = party
        return max(0, self._sum(_CLAWED_BACK, (chart.clawback(name), currency)))

    def _sum(self, statement: str, parameters: Sequence[Any]) -> int:
        row = self._raw.execute(statement, parameters).fetchone()
        return 0 if row is None else int(row[0])

    def settled_lines_of(
        self, order_lines: Collection[tuple[str, str | None]], contents: Collection[str]
    ) -> list[Line]:
        """Lines with something settled of these orders (None = all lines of it), or credited to these contents."""
        found: dict[Any, Line] = {}
        if order_lines:
            orders = sorted({order_id for order_id, _ in order_lines})
            for row in self._raw.execute(_SETTLED_OF_ORDERS, (orders,)).fetchall():
                if (row[0], None) in order_lines or (row[0], row[1]) in order_lines:
                    found[row[:3]] = read_line(row, self._accounts, self._terms)
        if contents:
            for row in self._raw.execute(_SETTLED_OF_CONTENTS, (list(contents),)).fetchall():
                found[row[:3]] = read_line(row, self._accounts, self._terms)
        return list(found.values())
