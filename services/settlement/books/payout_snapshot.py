"""What a proposal of payouts reads: one snapshot of the books, besides what every net reads."""

from collections.abc import Collection
from typing import Any

from services.kernel.time import to_datetime
from services.settlement.books.net_ports import InCurrency
from services.settlement.books.net_snapshot import WRITER_N, NetBooksSnapshot
from services.settlement.books.payout_ports import OpenLegs
from services.settlement.domain.book import chart
from services.settlement.domain.paying.entry_sets import NOT_COVERED
from services.settlement.domain.paying.payees import LEFT, PAYEE, Payee, departure_of, payee_of

_PAYABLE = """
SELECT a.key, a.currency FROM balance b JOIN account a ON a.id = b.account_id
WHERE b.amount_minor <> 0 AND a.key LIKE '%:payable'
"""
_PAID = """
SELECT p.party, p.currency, sum(p.amount_minor + p.withheld_minor)::bigint
FROM payout p JOIN payout_batch batch ON batch.id = p.batch
WHERE batch.as_of >= %s AND batch.as_of < %s AND p.status IN ('instructed', 'confirmed') GROUP BY 1, 2
"""
_OPEN_LEGS = f"""
SELECT w.number, sum(leg.amount_minor)::bigint,
  string_agg(leg.writer || '-' || leg.seq, E'\\n' ORDER BY leg.writer, leg.seq)
FROM unnest(%s::int[], %s::int[], %s::text[]) AS w (number, account_id, batch)
LEFT JOIN payout_batch batch ON batch.id = w.batch
CROSS JOIN generate_series(0, {WRITER_N}) AS of (writer)
CROSS JOIN LATERAL (
  SELECT one.writer, one.seq, one.amount_minor FROM party_leg one
  WHERE one.account_id = w.account_id AND one.writer = of.writer
    AND one.seq > coalesce(batch.cut[of.writer + 1], 0) AND one.kind <> ALL(%s)
  OFFSET 0
) leg GROUP BY 1
"""  # noqa: S608 - numbers of ours
"""OFFSET 0 keeps a range of the index for each account and writer: older legs are never looked at."""


class PayoutBooksSnapshot(NetBooksSnapshot):
    """`payout_ports.PayoutSnapshot` on PostgreSQL."""

    def payable_parties(self) -> set[InCurrency]:
        """All that something is payable to."""
        return {(chart.party_of(key), currency) for key, currency in self._raw.execute(_PAYABLE).fetchall()}

    def payees(self) -> dict[str, Payee]:
        """Where each party is paid."""
        return {owner: payee_of(event.body) for owner, event in self.facts(PAYEE).items()}

    def departed(self, as_of: int) -> frozenset[str]:
        """Parties that had left by this moment."""
        every = [departure_of(event.body) for event in self.facts(LEFT).values()]
        return frozenset(one.party for one in every if one.left_at <= as_of)

    def paid_between(self, start: int, end: int) -> dict[InCurrency, int]:
        """What payouts of batches as of these moments have taken, with tax; not those that came back."""
        return self._by_party(_PAID, (to_datetime(start), to_datetime(end)))

    def open_legs(self, parties: Collection[InCurrency]) -> dict[InCurrency, OpenLegs]:
        """The legs of these parties' payable accounts since their last payout."""
        known = list(parties)
        accounts = [self.account_id(chart.payable(party), of) for party, of in known]
        batches = [self.last_payouts().get(party) for party in known]
        wanted: tuple[Any, ...] = (list(range(len(known))), accounts, batches, [kind.code for kind in NOT_COVERED])
        rows = self._raw.execute(_OPEN_LEGS, wanted).fetchall()
        return {known[number]: OpenLegs(names.split("\n"), total) for number, total, names in rows}
