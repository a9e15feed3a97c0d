"""What the registry and the books know of a content: who made it, its script fee, and paid traffic on it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.time import parse_rfc3339
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION
from services.settlement.domain.settling.facts import HOLD_PLACED, HOLD_RELEASED, open_holds, removed_of

_FACTS = """
SELECT DISTINCT ON (kind) position, kind, identity, body FROM reference
WHERE kind = ANY(%s) AND identity = %s ORDER BY kind, position DESC
"""
_HOLDS = """
SELECT position, kind, identity, body FROM reference WHERE kind = ANY(%s) AND body ->> 'hold_id' IN (
  SELECT body ->> 'hold_id' FROM reference WHERE kind = ANY(%s) AND body ->> 'content_id' = %s
) ORDER BY position
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


class ContentRegistration(NamedTuple):
    """What its registration says of a content. `registered_at` is microseconds; an absent fee is 0."""

    registered_at: int
    koc_id: str
    platform: str
    brand_id: str | None
    campaign_id: str | None
    family_id: str | None
    script_fee_minor: int
    currency: str | None


class ContentLookup(NamedTuple):
    """What stands of a content; times are microseconds, None = no such event came.

    Attributes:
        accepted_at: when the brand accepted its script.
        removed_at: when it was removed, and whether that cancels its script fee.
        holds: ids of open holds on it.
    """

    registered: ContentRegistration | None
    accepted_at: int | None
    removed_at: int | None
    is_fee_cancelled: bool
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


def content_facts(connection: Connection, content_id: str) -> ContentLookup:
    """What the registry says of it."""
    raw = psycopg_of(connection)
    newest = {one.kind: one for one in map(_event, raw.execute(_FACTS, (list(_KINDS), content_id)).fetchall())}
    registered, accepted, removed = (newest.get(kind) for kind in _KINDS)
    is_cancelled = removed is not None and removed_of(removed.body).cancels_script_fee
    kinds = [HOLD_PLACED, HOLD_RELEASED]
    holds = open_holds(map(_event, raw.execute(_HOLDS, (kinds, kinds, content_id)).fetchall()))
    return ContentLookup(
        None if registered is None else _registered(registered),
        None if accepted is None else accepted.occurred_at,
        None if removed is None else removed.occurred_at,
        is_cancelled,
        [one.hold_id for one in holds if one.content_id == content_id],
    )


def _registered(event: ReferenceEvent) -> ContentRegistration:
    body: Mapping[str, Any] = event.body
    names = ("koc_id", "platform", "brand_id", "campaign_id", "content_family_id")
    koc_id, platform, brand_id, campaign_id, family_id = (body.get(name) for name in names)
    fee = body.get("script_fee_minor") or 0
    return ContentRegistration(
        event.occurred_at, str(koc_id), str(platform), brand_id, campaign_id, family_id, fee, body.get("currency")
    )


def _event(row: Sequence[Any]) -> ReferenceEvent:
    position, kind, identity, body = row
    return ReferenceEvent(position, kind, identity, parse_rfc3339(body["occurred_at"]), body)


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
