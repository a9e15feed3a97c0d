"""What is known of a party besides its balances: its relations, whether it left, what it was paid, what is reserved."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from services.kernel.time import to_micros
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.lookups.party_lines import IS_CREDITED
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart
from services.settlement.domain.paying.payees import LEFT, departure_of
from services.settlement.domain.pricing.facts import RELATION, relation_of
from services.settlement.domain.pricing.relations import Relation

_STANDS = """
NOT EXISTS (SELECT FROM reference newer
  WHERE newer.kind = r.kind AND newer.identity = r.identity AND newer.position > r.position)
"""
"""Of one identity the newest event stands."""

_RELATIONS = f"""
SELECT body FROM reference r WHERE kind = %s AND split_part(identity, '|', 1) = %s AND {_STANDS} ORDER BY identity
"""  # noqa: S608 - words of ours
_MEMBERS = f"""
SELECT body, identity FROM reference r
WHERE kind = %s AND identity > %s AND body -> 'parties' ->> %s = %s AND {_STANDS} ORDER BY identity LIMIT %s
"""  # noqa: S608 - words of ours
_LEFT = "SELECT body FROM reference WHERE kind = %s AND identity = %s ORDER BY position DESC LIMIT 1"
_IS_KNOWN = f"""
SELECT EXISTS (SELECT FROM account WHERE key = ANY(%(keys)s)) OR EXISTS (
  SELECT FROM reference WHERE kind = 'content.registered' AND body ->> 'koc_id' = %(koc)s
) OR EXISTS (SELECT FROM reference WHERE kind = 'koc.left' AND identity = %(koc)s) OR EXISTS (
  SELECT FROM reference WHERE kind = 'payee.set' AND identity = %(party)s
) OR {IS_CREDITED}
"""  # noqa: S608 - conditions of ours
_RESERVES = """
SELECT run.id, planned.currency, planned.reserve_minor, planned.reserve_until
FROM run JOIN run_party planned ON planned.run = run.id
WHERE planned.party = %s AND planned.reserve_minor > 0 AND planned.reserve_until > now() ORDER BY 4, 1, 2
"""
_REFUSED = "SELECT id, currency, amount_minor, status FROM payout WHERE party = %s AND refused ORDER BY id"
_PAID = "SELECT currency, sum(amount_minor)::bigint FROM payout WHERE party = %s AND status = 'confirmed' GROUP BY 1"
_LAST_PROPOSAL = "SELECT max(proposed_at) FROM payout_batch WHERE status <> 'cancelled'"


class OpenReserve(NamedTuple):
    """What a run keeps back of what it settled for a party, until a moment, microseconds."""

    run: str
    currency: str
    amount_minor: int
    until: int


class RefusedPayout(NamedTuple):
    """A payout that came back and that nobody has released; `status` is rejected or returned."""

    id: str
    currency: str
    amount_minor: int
    status: str


def is_known_party(connection: Connection, party: str) -> bool:
    """Whether anything was ever booked or said of a party (`ROLE:ID`), a content or a line of it for instance."""
    purposes = (chart.pending_of, chart.payable, chart.held, chart.clawback)
    wanted = {"keys": [purpose(party) for purpose in purposes], "party": party}
    koc = party.removeprefix("koc:") if party.startswith("koc:") else None
    [(is_known,)] = psycopg_of(connection).execute(_IS_KNOWN, {**wanted, "koc": koc}).fetchall()
    return (
        bool(is_known)
        or bool(koc and relations_of(connection, koc))
        or bool(party_members(connection, party, limit=1).rows)
    )


def relations_of(connection: Connection, koc_id: str) -> list[Relation]:
    """Who fills which role for a KOC, those in force last first."""
    rows = psycopg_of(connection).execute(_RELATIONS, (RELATION, koc_id)).fetchall()
    return sorted((relation_of(body) for (body,) in rows), key=lambda one: -one.effective_from)


def party_members(
    connection: Connection, party: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[Relation]:
    """Relations of KOCs that name an agency, a recruiter, … (`ROLE:ID`); a key is (koc_id|effective_from,)."""
    role, _, name = party.partition(":")
    behind = "" if after is None else str(after[0])
    rows = psycopg_of(connection).execute(_MEMBERS, (RELATION, behind, role, name, limit + 1)).fetchall()
    page = page_of(rows, limit, lambda row: (row[1],))
    return KeysetPage([relation_of(body) for body, _ in page.rows], page.next_key)


def left_at(connection: Connection, party: str) -> int | None:
    """When a KOC (`koc:ID`) left, microseconds; None = it did not."""
    role, _, name = party.partition(":")
    if role != "koc":
        return None
    row = psycopg_of(connection).execute(_LEFT, (LEFT, name)).fetchone()
    return None if row is None else departure_of(row[0]).left_at


def open_reserves(connection: Connection, party: str) -> list[OpenReserve]:
    """Reserves of a party that count yet, those that end first first."""
    rows = psycopg_of(connection).execute(_RESERVES, (party,)).fetchall()
    return [OpenReserve(run, currency, amount, to_micros(until)) for run, currency, amount, until in rows]


def refused_payouts(connection: Connection, party: str) -> list[RefusedPayout]:
    """Payouts of a party that came back and are not released."""
    return [RefusedPayout(*row) for row in psycopg_of(connection).execute(_REFUSED, (party,)).fetchall()]


def paid_out(connection: Connection, party: str) -> Mapping[str, int]:
    """What a party has been paid in all, by currency, minor units: payouts that a bank has confirmed."""
    return dict(psycopg_of(connection).execute(_PAID, (party,)).fetchall())


def last_proposal(connection: Connection) -> int | None:
    """When payouts were last proposed, microseconds; None = never."""
    [(at,)] = psycopg_of(connection).execute(_LAST_PROPOSAL).fetchall()
    return None if at is None else to_micros(at)
