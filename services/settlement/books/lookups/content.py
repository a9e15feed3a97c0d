"""What the registry and the books know of a content: who made it, its script fee, and paid traffic on it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.posting_transaction import psycopg_of
from services.kernel.time import parse_rfc3339
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION

_FACTS = """
SELECT DISTINCT ON (kind) position, kind, identity, body FROM reference
WHERE kind = ANY(%s) AND identity = %s ORDER BY kind, position DESC
"""
_HOLDS = """
SELECT DISTINCT body ->> 'hold_id' FROM reference placed
WHERE kind = 'hold.placed' AND body ->> 'content_id' = %s AND NOT EXISTS (
  SELECT FROM reference other WHERE other.kind IN ('hold.placed', 'hold.released')
  AND other.body ->> 'hold_id' = placed.body ->> 'hold_id' AND other.position > placed.position
) ORDER BY 1
"""
_SPENDS = """
SELECT identity, body FROM reference spent
WHERE kind = 'spend.reported' AND body ->> 'content_id' = %s AND identity > %s AND NOT EXISTS (
  SELECT FROM reference newer WHERE newer.kind = 'spend.reported' AND newer.identity = spent.identity
  AND newer.position > spent.position
) ORDER BY identity LIMIT %s
"""
_FEES = """
SELECT currency, accounts, amounts FROM content_position
WHERE kind = %s AND identity = %s ORDER BY currency
"""
_ACCOUNTS = "SELECT id, key FROM account WHERE id = ANY(%s)"
_KINDS = ("content.registered", "script_fee.accepted", "content.removed")


class ContentFacts(NamedTuple):
    """The newest of each event about a content; None = no such event stands.

    Attributes:
        holds: ids of open holds on it.
    """

    registered: ReferenceEvent | None
    accepted: ReferenceEvent | None
    removed: ReferenceEvent | None
    holds: Sequence[str]


class FeePosition(NamedTuple):
    """What the books have of a content's script fee in one currency: minor units by account, debit positive."""

    currency: str
    booked: Mapping[str, int]


class ContentSpend(NamedTuple):
    """Paid traffic on a content. `paid_by` is brand, platform or koc; `occurred_at` is microseconds."""

    spend_id: str
    occurred_at: int
    amount_minor: int
    currency: str
    paid_by: str


def content_facts(connection: Connection, content_id: str) -> ContentFacts:
    """What the registry says of it."""
    raw = psycopg_of(connection)
    rows = raw.execute(_FACTS, (list(_KINDS), content_id)).fetchall()
    newest = {row[1]: ReferenceEvent(row[0], row[1], row[2], parse_rfc3339(row[3]["occurred_at"]), row[3])
              for row in rows}  # fmt: skip
    registered, accepted, removed = (newest.get(kind) for kind in _KINDS)
    return ContentFacts(registered, accepted, removed, [hold for (hold,) in raw.execute(_HOLDS, (content_id,))])


def fee_positions(connection: Connection, content_id: str) -> list[FeePosition]:
    """What is booked of its script fee, by currency."""
    raw = psycopg_of(connection)
    rows = raw.execute(_FEES, (SCRIPT_FEE_POSITION, content_id)).fetchall()
    names = dict(raw.execute(_ACCOUNTS, ([number for row in rows for number in row[1]],)).fetchall())
    return [
        FeePosition(row[0], {names[number]: amount for number, amount in zip(row[1], row[2], strict=True)})
        for row in rows
    ]


def content_spends(
    connection: Connection, content_id: str, after: PageKey | None = None, limit: int = 50
) -> KeysetPage[ContentSpend]:
    """Paid traffic that was reported, by spend_id; a key is (spend_id,)."""
    since = "" if after is None else after[0]
    rows = psycopg_of(connection).execute(_SPENDS, (content_id, since, limit + 1)).fetchall()
    return page_of([_spend(row) for row in rows], limit, lambda one: (one.spend_id,))


def _spend(row: Sequence[Any]) -> ContentSpend:
    spend_id, body = row
    at = parse_rfc3339(body["occurred_at"])
    return ContentSpend(spend_id, at, body["amount_minor"], body["currency"], body["paid_by"])
