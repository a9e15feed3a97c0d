"""What a party's net reads: one snapshot of the books, besides what every reader sees of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from schemas.topics import CREDITS
from services.kernel.time import to_datetime
from services.settlement.books.line_rows import LINE_COLUMNS, read_line
from services.settlement.books.net_ports import Claim, InCurrency, PartyBalance, RunPoint
from services.settlement.books.record_command import read_point
from services.settlement.books.snapshot import Snapshot
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.candidates import OpenCases, cases_of
from services.settlement.domain.settling.facts import (
    DISPUTE_DECIDED,
    DISPUTE_OPENED,
    HOLD_PLACED,
    HOLD_RELEASED,
    Hold,
    open_disputes,
    open_holds,
)
from services.settlement.domain.settling.netting import EARNINGS

WRITER_N = CREDITS.partitions
_LINE = ", ".join(f"line.{column.strip()}" for column in LINE_COLUMNS.split(","))
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
_RESERVES = """
SELECT party, currency, sum(reserve_minor)::bigint FROM run_party WHERE reserve_until > %s GROUP BY 1, 2
"""
_REFUSED = """
SELECT payout.party, payout.currency, sum(payout.amount_minor)::bigint FROM payout
WHERE payout.refused AND NOT EXISTS (
  SELECT FROM reference r WHERE r.kind = 'payee.set' AND r.identity = payout.party AND r.position >= payout.refused_at
) GROUP BY 1, 2
"""
_LAST_PAYOUTS = """
SELECT DISTINCT ON (payout.party, payout.currency) payout.party, payout.currency, batch.id
FROM payout JOIN payout_batch batch ON batch.id = payout.batch WHERE payout.status <> 'cancelled'
ORDER BY payout.party, payout.currency, batch.cut[%s] DESC
"""
_KEPT = """
SELECT payout.party, payout.currency, subject
FROM unnest(%s::text[], %s::text[], %s::text[]) AS last (party, currency, batch)
JOIN payout ON payout.party = last.party AND payout.currency = last.currency AND payout.batch = last.batch
CROSS JOIN LATERAL unnest(payout.kept) AS subject
"""
_NETTED_SINCE = f"""
SELECT w.number, sum(leg.amount_minor)::bigint
FROM unnest(%s::int[], %s::int[], %s::text[]) AS w (number, account_id, batch)
LEFT JOIN payout_batch batch ON batch.id = w.batch
JOIN party_leg leg ON leg.account_id = w.account_id AND leg.writer = {WRITER_N}
WHERE leg.seq > coalesce(batch.cut[{WRITER_N + 1}], 0) AND leg.kind = %s GROUP BY 1
"""  # noqa: S608 - numbers of ours
_SUBJECT = """
CASE WHEN journal.order_id IS NULL THEN split_part(journal.idem_key, '|', 4)
  ELSE substring(journal.idem_key FROM '[^|/]+/[^|/]+/[^|/]+') END
"""
"""The content, or ORDER/LINE/BUYER, that a row of an earning is about."""

_CLAWED_BACK = f"""
SELECT w.number, {_SUBJECT} AS subject, sum(leg.amount_minor)::bigint
FROM unnest(%s::int[], %s::int[]) AS w (number, account_id)
JOIN party_leg leg ON leg.account_id = w.account_id
JOIN journal ON journal.writer = leg.writer AND journal.seq = leg.seq
WHERE leg.kind = ANY(%s) GROUP BY 1, 2 HAVING sum(leg.amount_minor) <> 0
"""  # noqa: S608 - words of ours
_UNPAID_LINES = f"""
SELECT DISTINCT w.number
FROM unnest(%s::int[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[])
  AS w (number, account_id, batch, subject, order_id, line_id)
LEFT JOIN payout_batch batch ON batch.id = w.batch
JOIN journal ON journal.order_id = w.order_id AND journal.line_id = w.line_id AND journal.kind = %s
JOIN party_leg leg ON leg.account_id = w.account_id AND leg.writer = journal.writer AND leg.seq = journal.seq
WHERE leg.seq > coalesce(batch.cut[leg.writer + 1], 0) AND w.subject = {_SUBJECT}
"""  # noqa: S608 - words of ours
_UNPAID_FEES = f"""
SELECT DISTINCT w.number
FROM unnest(%s::int[], %s::int[], %s::text[], %s::text[]) AS w (number, account_id, batch, subject)
LEFT JOIN payout_batch batch ON batch.id = w.batch
JOIN party_leg leg ON leg.account_id = w.account_id AND leg.writer = {WRITER_N} AND leg.kind = %s
JOIN journal ON journal.writer = leg.writer AND journal.seq = leg.seq
WHERE leg.seq > coalesce(batch.cut[leg.writer + 1], 0) AND w.subject = {_SUBJECT}
"""  # noqa: S608 - words of ours


class NetBooksSnapshot(Snapshot):
    """`net_ports.NetSnapshot` on PostgreSQL."""

    _reference: Reference | None = None
    _ids: Mapping[tuple[str, str], int] | None = None
    _last: Mapping[InCurrency, str] | None = None

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
        return cases_of(open_disputes(facts), self.open_holds())

    def held_owners(self) -> frozenset[str]:
        """Parties with an open hold on them."""
        return frozenset(one.owner for one in self.open_holds() if one.owner is not None)

    def open_holds(self) -> list[Hold]:
        """Holds that are placed and not released, those on owners too."""
        return open_holds([*self.facts(HOLD_PLACED).values(), *self.facts(HOLD_RELEASED).values()])

    def balances_of(self, parties: Collection[InCurrency], owners: Collection[str]) -> list[PartyBalance]:
        """Of these, of these owners in every currency, and of every other party that owes or has held money."""
        sums = self._sums()
        others = {
            (party, of)
            for key, of in sums
            if (party := chart.party_of(key)) in owners or key.startswith("clawback:") or key.endswith(":held")
        }
        return [
            PartyBalance(
                party,
                currency,
                -sums.get((chart.payable(party), currency), 0),
                -sums.get((chart.held(party), currency), 0),
                sums.get((chart.clawback(party), currency), 0),
                sums.get((chart.write_off(party), currency), 0),
            )
            for party, currency in sorted({*parties, *others})
        ]

    def _sums(self) -> dict[tuple[str, str], int]:
        """Balances of all accounts that say what parties have and owe, by key and currency; debit positive."""
        return {(key, of): int(amount) for key, of, amount in self._raw.execute(_BALANCES).fetchall()}

    def reserves(self, as_of: int) -> dict[InCurrency, int]:
        """Reserves of earlier runs whose `until` is later than this."""
        return self._by_party(_RESERVES, (to_datetime(as_of),))

    def refused(self) -> dict[InCurrency, int]:
        """Payouts that came back, were not released, and whose party has not said since where it is paid."""
        return self._by_party(_REFUSED)

    def _by_party(self, statement: str, parameters: Sequence[Any] = ()) -> dict[InCurrency, Any]:
        """The value of each row (party, currency, value) of a statement."""
        rows = self._raw.execute(statement, parameters).fetchall()
        return {(party, currency): value for party, currency, value in rows}

    def last_payouts(self) -> Mapping[InCurrency, str]:
        """The batch of each party's last payout; one that was cancelled is none. Read once."""
        if self._last is None:
            self._last = self._by_party(_LAST_PAYOUTS, (WRITER_N + 1,))
        return self._last

    def account_id(self, key: str, currency: str) -> int:
        """Of an account; 0 where there is none."""
        if self._ids is None:
            self._ids = {name: number for number, name in self.names.items()}
        return self._ids.get((key, currency), 0)

    def netted_since(self, parties: Collection[InCurrency]) -> dict[InCurrency, int]:
        """What was netted of these parties' payable and held money since their last payout."""
        known = list(parties)
        places = [(number, key(party), of) for number, (party, of) in enumerate(known)
                  for key in (chart.payable, chart.held)]  # fmt: skip
        numbers = [number for number, _, _ in places]
        accounts = [self.account_id(key, of) for _, key, of in places]
        batches = [self.last_payouts().get(known[number]) for number in numbers]
        found = self._raw.execute(_NETTED_SINCE, (numbers, accounts, batches, Kind.CLAWBACK_NETTED.code)).fetchall()
        return {known[number]: amount for number, amount in found}

    def clawed_back(self, parties: Collection[InCurrency]) -> dict[Claim, int]:
        """What is clawed back of the lines and script fees of these parties."""
        known = list(parties)
        accounts = [self.account_id(chart.clawback(party), of) for party, of in known]
        wanted = (list(range(len(known))), accounts, [kind.code for kind in EARNINGS])
        rows = self._raw.execute(_CLAWED_BACK, wanted).fetchall()
        return {Claim(known[number][0], known[number][1], subject): amount for number, subject, amount in rows}

    def unpaid(self, claims: Collection[Claim]) -> set[Claim]:
        """Those of these that are in no payout yet."""
        lines = [claim for claim in claims if "/" in claim.subject]
        fees = [claim for claim in claims if "/" not in claim.subject]
        names = [claim.subject.split("/") for claim in lines]
        of_lines = ([order for order, _, _ in names], [line for _, line, _ in names], Kind.COMMISSION_SETTLED.code)
        return {
            *self._unpaid(_UNPAID_LINES, lines, *of_lines),
            *self._unpaid(_UNPAID_FEES, fees, Kind.SCRIPT_FEE_SETTLED.code),
            *(self._kept({(claim.party, claim.currency) for claim in lines}) & set(lines)),
        }

    def _kept(self, parties: Collection[InCurrency]) -> set[Claim]:
        """Lines that the last payouts of these parties left held."""
        last = [(*party, batch) for party in parties if (batch := self.last_payouts().get(party)) is not None]
        columns = [list(column) for column in zip(*last, strict=True)] or [[], [], []]
        return {Claim(*row) for row in self._raw.execute(_KEPT, columns).fetchall()}

    def _unpaid(self, statement: str, claims: Sequence[Claim], *more: Any) -> list[Claim]:
        if not claims:
            return []
        accounts = [self.account_id(chart.payable(one.party), one.currency) for one in claims]
        batches = [self.last_payouts().get((one.party, one.currency)) for one in claims]
        known = (list(range(len(claims))), accounts, batches, [one.subject for one in claims])
        return [claims[number] for (number,) in self._raw.execute(statement, (*known, *more)).fetchall()]

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
