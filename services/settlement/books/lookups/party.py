"""What the books know of a party (`ROLE:ID`): its balances, payouts, statements, debts, and what moved its money."""

import heapq
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_datetime, to_micros
from services.settlement.books.clawbacks import OpenClawback, open_clawbacks
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import KIND_BY_CODE

_BALANCES = """
SELECT a.key, a.currency, b.amount_minor FROM account a JOIN balance b ON b.account_id = a.id
WHERE a.key = ANY(%s) ORDER BY a.currency
"""
_IN_TRANSIT = """
SELECT currency, sum(amount_minor)::bigint FROM payout WHERE party = %s AND status = 'instructed' GROUP BY 1
"""
_PAYOUTS = """
SELECT p.id, p.batch, p.currency, p.amount_minor, p.withheld_minor, p.rail, p.status, p.refused, batch.proposed_at
FROM payout p JOIN payout_batch batch ON batch.id = p.batch
WHERE p.party = %s AND (%s::timestamptz IS NULL OR (batch.proposed_at, p.id) < (%s, %s))
ORDER BY batch.proposed_at DESC, p.id DESC LIMIT %s
"""
_STATEMENTS = """
SELECT s.period, s.revision, s.currency FROM period_close c
JOIN statement s ON s.period = c.period AND s.revision = c.revision AND s.party = %s
ORDER BY s.period DESC, s.currency, s.revision DESC
"""
_MONEY_MOVED = """
SELECT leg.writer, leg.seq, leg.amount_minor, leg.effective_at, leg.order_id, leg.line_id, leg.kind, journal.recorded_at
FROM unnest(%s::smallint[], %s::bigint[]) AS behind (writer, seq) CROSS JOIN LATERAL (
  SELECT * FROM party_leg
  WHERE party_leg.account_id = %s AND party_leg.writer = behind.writer AND party_leg.seq < behind.seq
  ORDER BY party_leg.seq DESC LIMIT %s
) leg JOIN journal ON journal.writer = leg.writer AND journal.seq = leg.seq
"""
_OWN_ACCOUNTS = "SELECT id, key, currency FROM account WHERE key = ANY(%s)"
_WRITERS = "SELECT partition, seq + 1 FROM writer ORDER BY partition"


class PartyMoneyStates(NamedTuple):
    """What a party has in one currency, minor units; none is below zero but for a clawback between two nets.

    Attributes:
        pending_minor: earned, and not settled by a run yet.
        payable_minor: settled, and in no payout yet.
        held_minor: settled, and kept back.
        owed_minor: what the party owes back.
        written_off_minor: what it owed back and we gave up.
        in_transit_minor: in payouts whose outcome no reply has told yet.
    """

    currency: str
    pending_minor: int
    payable_minor: int
    held_minor: int
    owed_minor: int
    written_off_minor: int
    in_transit_minor: int


class PartyPayout(NamedTuple):
    """A payout of a party. `proposed_at` is microseconds; `is_refused`: it came back and is not released yet."""

    id: str
    batch: str
    currency: str
    amount_minor: int
    withheld_minor: int
    rail: str
    status: str
    is_refused: bool
    proposed_at: int


class PartyStatement(NamedTuple):
    """The name of a statement of a party: its body is found by it."""

    period: str
    revision: int
    currency: str


class PartyEntry(NamedTuple):
    """An entry that moved a party's money. Amounts are minor units, above zero where the party has or owes more.

    Times are microseconds. `kind` is as in the ledger topic; an entry without an order is about the party itself.
    """

    writer: int
    seq: int
    kind: str
    currency: str
    effective_at: int
    recorded_at: int
    order_id: str | None
    line_id: str | None
    payable_minor: int
    held_minor: int
    owed_minor: int

    @property
    def entry_id(self) -> str:
        """WRITER-SEQ."""
        return f"{self.writer}-{self.seq}"


def party_money(connection: Connection, party: str) -> list[PartyMoneyStates]:
    """What a party has, by currency; nothing where no account of it was ever booked."""
    raw = psycopg_of(connection)
    pending, payable, held = chart.pending_of(party), chart.payable(party), chart.held(party)
    owed, written_off = chart.clawback(party), chart.write_off(party)
    found: dict[str, dict[str, int]] = {}
    for key, currency, amount in raw.execute(_BALANCES, ([pending, payable, held, owed, written_off],)).fetchall():
        found.setdefault(currency, {})[key] = amount
    in_transit = dict(raw.execute(_IN_TRANSIT, (party,)).fetchall())
    return [
        PartyMoneyStates(
            currency,
            pending_minor=-own.get(pending, 0),
            payable_minor=-own.get(payable, 0),
            held_minor=-own.get(held, 0),
            owed_minor=own.get(owed, 0),
            written_off_minor=own.get(written_off, 0),
            in_transit_minor=in_transit.get(currency, 0),
        )
        for currency, own in found.items()
    ]


def party_payouts(
    connection: Connection, party: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[PartyPayout]:
    """Payouts of a party, newest first; a key is (proposed_at in microseconds, id)."""
    at, name = (None, None) if after is None else (to_datetime(int(after[0])), after[1])
    rows = psycopg_of(connection).execute(_PAYOUTS, (party, at, at, name, limit + 1)).fetchall()
    payouts = [PartyPayout(*row)._replace(proposed_at=to_micros(row[-1])) for row in rows]
    return page_of(payouts, limit, lambda one: (one.proposed_at, one.id))


def party_statements(connection: Connection, party: str) -> list[PartyStatement]:
    """Statements of a party (`ROLE:ID`, `brand:ID` or `platform`), newest month first, all revisions."""
    return [PartyStatement(*row) for row in psycopg_of(connection).execute(_STATEMENTS, (party,)).fetchall()]


def party_debts(connection: Connection, party: str) -> list[OpenClawback]:
    """What a party owes back, by currency and age."""
    return list(open_clawbacks(connection, party))


def party_entries(
    connection: Connection, party: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[PartyEntry]:
    """Entries that moved what is payable to a party, held, or owed back by it; of each writer the newest first.

    Writers are merged by when they recorded. A key is the number of the last entry shown of each writer, so a page
    stays where it is while all of them go on.
    """
    raw = psycopg_of(connection)
    writers, known = zip(*raw.execute(_WRITERS).fetchall(), strict=True)
    behind = list(known) if after is None else [int(seq) for seq in after]
    by_writer = [list(some) for _, some in groupby(_entries(raw, party, writers, behind, limit), attrgetter("writer"))]
    merged = list(islice(heapq.merge(*by_writer, key=lambda one: -one.recorded_at), limit + 1))
    shown = dict(zip(writers, behind, strict=True)) | {one.writer: one.seq for one in merged[:limit]}
    return page_of(merged, limit, lambda _: tuple(shown.values()))


def _entries(raw: Any, party: str, writers: Sequence[int], behind: Sequence[int], limit: int) -> Iterator[PartyEntry]:
    """The next entries of each writer, the newest of it first; more than are shown of all writers together."""
    keys = payable, held, owed = chart.payable(party), chart.held(party), chart.clawback(party)
    legs: dict[tuple[int, int], dict[str, int]] = {}
    told: dict[tuple[int, int], Sequence[Any]] = {}
    for account_id, key, currency in raw.execute(_OWN_ACCOUNTS, (list(keys),)).fetchall():
        # never a prepared plan: how many legs an account has decides how they are read
        wanted = list(writers), list(behind), account_id, limit + 1
        for writer, seq, amount, *what in raw.execute(_MONEY_MOVED, wanted, prepare=False).fetchall():
            legs.setdefault((writer, seq), {})[key] = amount
            told[writer, seq] = currency, *what
    for writer, seq in sorted(legs, key=lambda place: (place[0], -place[1])):
        moved = legs[writer, seq]
        currency, effective_at, order_id, line_id, kind, recorded_at = told[writer, seq]
        yield PartyEntry(
            writer,
            seq,
            KIND_BY_CODE[kind].text,
            currency,
            to_micros(effective_at),
            to_micros(recorded_at),
            order_id,
            line_id,
            payable_minor=-moved.get(payable, 0),
            held_minor=-moved.get(held, 0),
            owed_minor=moved.get(owed, 0),
        )
