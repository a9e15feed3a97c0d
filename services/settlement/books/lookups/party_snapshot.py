"""What a proposal of payouts reads, of one party alone: the same rules then say what this party would be paid.

Statements of the whole books are asked for the party's rows; only lines of open cases need words of their own.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection

from services.settlement.books.line_rows import LINE_COLUMNS, read_line
from services.settlement.books.net_ports import Claim, InCurrency
from services.settlement.books.net_snapshot import WRITER_N
from services.settlement.books.payout_snapshot import PayoutBooksSnapshot
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Line
from services.settlement.domain.paying.payees import LEFT, PAYEE
from services.settlement.domain.pricing.facts import HOUSE
from services.settlement.domain.pricing.reference import Reference

_BALANCES = """
SELECT a.key, a.currency, b.amount_minor FROM balance b JOIN account a ON a.id = b.account_id
WHERE b.amount_minor <> 0 AND a.key = ANY(%s)
"""
_ENTRIES = """
SELECT coalesce(sum(b.entries), 0) FROM balance b JOIN account a ON a.id = b.account_id WHERE a.key = %s
"""
MANY_ENTRIES = 2_000
"""Entries of a payable account; with more of them, looking for the lines of held contents may take a second."""

_LINE = ", ".join(f"line.{column.strip()}" for column in LINE_COLUMNS.split(","))
_SETTLED_FOR_IT = f"SELECT {_LINE} FROM line WHERE line.settled_accounts && %(payable)s::int[]"  # noqa: S608
_OF_ORDERS = f"{_SETTLED_FOR_IT} AND order_id = ANY(%(orders)s)"
_OF_CONTENTS = f"""
WITH unpaid AS (
  SELECT leg.order_id, leg.line_id
  FROM unnest(%(payable)s::int[], %(batches)s::text[]) AS own (account_id, batch)
  LEFT JOIN payout_batch batch ON batch.id = own.batch
  CROSS JOIN generate_series(0, {WRITER_N}) AS of (writer)
  CROSS JOIN LATERAL (
    SELECT one.order_id, one.line_id FROM party_leg one
    WHERE one.account_id = own.account_id AND one.writer = of.writer
      AND one.seq > coalesce(batch.cut[of.writer + 1], 0) AND one.kind = {Kind.COMMISSION_SETTLED.code}
    OFFSET 0
  ) leg
  UNION SELECT * FROM unnest(%(kept_orders)s::text[], %(kept_lines)s::text[])
), of_contents AS (
  SELECT DISTINCT planned.order_id, planned.line_id, planned.buyer_id FROM unpaid
  CROSS JOIN LATERAL (
    SELECT DISTINCT entry.writer, entry.effective_at FROM journal entry
    WHERE entry.order_id = unpaid.order_id AND entry.line_id = unpaid.line_id
      AND entry.kind = {Kind.COMMISSION_SETTLED.code}
    OFFSET 0
  ) settled
  JOIN run ON run.as_of = settled.effective_at
  CROSS JOIN LATERAL (
    SELECT one.order_id, one.line_id, one.buyer_id, one.parts FROM run_line one
    WHERE one.run = run.id AND one.partition = settled.writer AND one.order_id = unpaid.order_id
      AND one.line_id = unpaid.line_id
    OFFSET 0
  ) planned
  WHERE EXISTS (SELECT FROM jsonb_array_elements(planned.parts) AS part WHERE part ->> 0 = ANY(%(contents)s))
)
SELECT {_LINE} FROM of_contents JOIN line USING (order_id, line_id, buyer_id)
WHERE line.settled_accounts && %(payable)s::int[]
"""  # noqa: S608 - numbers of ours
"""Only of lines that are in no payout yet: others are not held. Entries lead to the runs that planned a line.

OFFSET 0 keeps each of these a range of an index.
"""


class PartySnapshot(PayoutBooksSnapshot):
    """`payout_ports.PayoutSnapshot` of one party: what is said of others is left out.

    Args:
        connection: REPEATABLE READ.
        party: ROLE:ID.
    """

    def __init__(self, connection: Connection, party: str) -> None:
        self._party = party
        self._keys = [chart.payable(party), chart.held(party), chart.clawback(party), chart.write_off(party)]
        super().__init__(connection, self._keys)

    def is_slow(self) -> bool:
        """Whether a net of the party reads so many lines, for the sake of holds on contents, that a page is late."""
        if not self.open_cases().content_holds:
            return False
        [(entries,)] = self._raw.execute(_ENTRIES, (chart.payable(self._party),)).fetchall()
        return bool(entries > MANY_ENTRIES)

    def reference(self) -> Reference:
        """Our own settings alone: no net and no payout asks for a plan."""
        known = Reference()
        known.take(self.facts(HOUSE).values())
        return known

    def facts(self, kind: str, identity: str | None = None) -> dict[str, ReferenceEvent]:
        """Where this party is paid, and whether it has left; facts about orders and holds are all of them."""
        own = {PAYEE: self._party, LEFT: self._party.removeprefix("koc:")}
        return super().facts(kind, identity or own.get(kind))

    def _sums(self) -> dict[tuple[str, str], int]:
        return {(key, of): amount for key, of, amount in self._raw.execute(_BALANCES, (self._keys,)).fetchall()}

    def _by_party(self, statement: str, parameters: Sequence[Any] = ()) -> dict[InCurrency, Any]:
        asked = f"SELECT * FROM ({statement}) AS every (party, currency, value) WHERE party = %s"  # noqa: S608
        return super()._by_party(asked, (*parameters, self._party))

    def payable_parties(self) -> set[InCurrency]:
        """This party, in each currency in which anything is booked for it."""
        return {(self._party, currency) for _, currency in self._sums()}

    def unpaid(self, claims: Collection[Claim]) -> set[Claim]:
        """Its own claims that are in no payout yet."""
        return super().unpaid([claim for claim in claims if claim.party == self._party])

    def settled_lines_of(
        self, order_lines: Collection[tuple[str, str | None]], contents: Collection[str]
    ) -> list[Line]:
        """Those lines of these orders and contents of which something is settled for the party."""
        wanted = {"payable": self._payable_ids()}
        rows: list[Sequence[Any]] = []
        if order_lines:
            orders = sorted({order_id for order_id, _ in order_lines})
            found = self._raw.execute(_OF_ORDERS, {**wanted, "orders": orders}).fetchall()
            rows += [row for row in found if (row[0], None) in order_lines or (row[0], row[1]) in order_lines]
        if contents:
            rows += self._raw.execute(_OF_CONTENTS, self._of_contents(contents)).fetchall()
        lines = {row[:3]: row for row in rows}
        return [read_line(row, self._accounts, self._terms) for row in lines.values()]

    def _of_contents(self, contents: Collection[str]) -> dict[str, Any]:
        payable = self._payable_ids()
        batches = [self.last_payouts().get((self._party, self.names[number][1])) for number in payable]
        kept = [claim.subject.split("/") for claim in self._kept(self.last_payouts())]
        return {
            "payable": payable,
            "batches": batches,
            "kept_orders": [order_id for order_id, _, _ in kept],
            "kept_lines": [line_id for _, line_id, _ in kept],
            "contents": list(contents),
        }

    def _payable_ids(self) -> list[int]:
        return [number for number, (key, _) in self.names.items() if key == chart.payable(self._party)]
