"""What the books hold of KOCs that have left: balances, when pending money may settle, and what is held or paid out."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.kernel.time import to_micros
from services.settlement.books.report_snapshot import ReportSnapshot
from services.settlement.domain.book import chart
from services.settlement.domain.paying.payees import LEFT, departure_of

_BALANCES = """
SELECT a.key, a.currency, b.amount_minor, a.id FROM balance b JOIN account a ON a.id = b.account_id
WHERE a.key = ANY(%s) AND b.amount_minor <> 0
"""
_PENDING = """
SELECT leg.account_id, to_char(line.settle_at AT TIME ZONE 'UTC' + make_interval(mins => %s), 'YYYY-MM'),
  -sum(leg.amount)::bigint
FROM line, unnest(line.accounts, line.amounts) AS leg (account_id, amount)
WHERE line.accounts && %s::int[] AND leg.account_id = ANY(%s::int[]) GROUP BY 1, 2
"""
_RESERVES = """
SELECT party, currency, sum(reserve_minor)::bigint, max(reserve_until) FROM run_party
WHERE party = ANY(%s) AND reserve_until > now() GROUP BY 1, 2
"""
_OPEN_PAYOUTS = """
SELECT party, currency, id, amount_minor FROM payout WHERE party = ANY(%s) AND status = 'instructed' ORDER BY id
"""
_LEGS = """
SELECT a.key, a.currency, l.effective_at, l.amount_minor, now() FROM party_leg l JOIN account a ON a.id = l.account_id
WHERE a.key = ANY(%s)
"""

NO_DATE = ""
"""The month of pending money of lines that no run may settle yet: not received, or not priced in full."""


class OpenPayout(NamedTuple):
    """A payout whose outcome no reply has told yet."""

    payout: str
    amount_minor: int


class DepartedMoney:
    """What a party has, is held and owes in one currency, as it is stored. Amounts are minor units.

    Attributes:
        pending_months: YYYY-MM of `settle_at` -> pending money of lines.
        reserve_until: microseconds; the latest end of its reserves.
        clawback_legs: (effective_at, amount) of what it owes back.
        now: of the database, microseconds.
    """

    def __init__(self) -> None:
        self.pending_minor = 0
        self.payable_minor = 0
        self.held_minor = 0
        self.owed_minor = 0
        self.pending_months: dict[str, int] = {}
        self.reserve_minor = 0
        self.reserve_until: int | None = None
        self.refused_minor = 0
        self.payouts: list[OpenPayout] = []
        self.clawback_legs: list[tuple[int, int]] = []
        self.now = 0


def departures(books: ReportSnapshot) -> dict[str, int]:
    """koc_id -> when it left, microseconds."""
    return {name: departure_of(event.body).left_at for name, event in books.facts(LEFT).items()}


def money_of(books: ReportSnapshot, kocs: Iterable[str], zone_minutes: int) -> dict[tuple[str, str], DepartedMoney]:
    """(koc_id, currency) -> what it has, of KOCs that have or owe anything.

    Args:
        books: one snapshot.
        kocs: koc_ids.
        zone_minutes: the settlement zone; months are counted in it.
    """
    return _Reading(books, sorted(kocs), zone_minutes).read()


class _Reading:
    """A few statements over all wanted KOCs."""

    def __init__(self, books: ReportSnapshot, kocs: Sequence[str], zone_minutes: int) -> None:
        self._books, self._rows = books, books.rows
        self._kocs = {f"koc:{koc}": koc for koc in kocs}
        self._zone_minutes = zone_minutes
        self._found: dict[tuple[str, str], DepartedMoney] = {}

    def read(self) -> dict[tuple[str, str], DepartedMoney]:
        """Balances first: they say which accounts have pending money."""
        parties = list(self._kocs)
        pending = self._read_balances(parties)
        for account_id, month, amount in self._rows(_PENDING, (self._zone_minutes, list(pending), list(pending))):
            self._money(*pending[account_id]).pending_months[month or NO_DATE] = amount
        for party, currency, amount, until in self._rows(_RESERVES, (parties,)):
            money = self._money(party, currency)
            money.reserve_minor, money.reserve_until = amount, to_micros(until)
        for (party, currency), amount in self._books.refused().items():
            if party in self._kocs:
                self._money(party, currency).refused_minor = amount
        for party, currency, payout, amount in self._rows(_OPEN_PAYOUTS, (parties,)):
            self._money(party, currency).payouts.append(OpenPayout(payout, amount))
        for key, currency, at, amount, now in self._rows(_LEGS, ([chart.clawback(party) for party in parties],)):
            money = self._money(chart.party_of(key), currency)
            money.clawback_legs.append((to_micros(at), amount))
            money.now = to_micros(now)
        return self._found

    def _read_balances(self, parties: Sequence[str]) -> dict[int, tuple[str, str]]:
        """Take in balances; returns the party and currency of each account with pending money."""
        pending: dict[int, tuple[str, str]] = {}
        purposes = (chart.pending_of, chart.payable, chart.held, chart.clawback)
        keys = [purpose(party) for party in parties for purpose in purposes]
        for key, currency, amount, account_id in self._rows(_BALANCES, (keys,)):
            party = chart.claimant_of(key) if chart.is_pending(key) else chart.party_of(key)
            money = self._money(party, currency)
            if chart.is_pending(key):
                money.pending_minor = -amount
                pending[account_id] = party, currency
            elif key == chart.payable(party):
                money.payable_minor = -amount
            elif key == chart.held(party):
                money.held_minor = -amount
            else:
                money.owed_minor = amount
        return pending

    def _money(self, party: str, currency: str) -> DepartedMoney:
        return self._found.setdefault((self._kocs[party], currency), DepartedMoney())
