"""What a text names in the books: an order, a party, a brand, and whatever else has an identifier.

Exact hits come first, then things whose names begin with the text, read along the indexes from the text on. Where the
database does not sort by code points, some of these may be missing, but none is wrong. A brand is found once a
registry event names it or it is charged, not by lines that no plan prices.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.settlement.books.lookups.party_lines import IS_CREDITED
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart

MAX_TEXT = 256
"""Characters; nothing in the books has a longer name."""

MAX_SUGGESTIONS = 10
_WALKED = 100
"""Index entries that a walk reads at most: one name may have several."""

_NAME = re.compile(r"[A-Za-z0-9._~=+@:-]+", re.ASCII)
"""The letters that identifiers and parties are made of."""

_ENTRY = re.compile(r"([0-9]{1,4})-([0-9]{1,18})", re.ASCII)
_PURPOSES = (chart.pending_of, chart.payable, chart.held, chart.clawback)


class FoundKind(StrEnum):
    """What a text can name, in the order in which hits are listed."""

    ORDER = "order"
    PARTY = "party"
    BRAND = "brand"
    CONTENT = "content"
    CAMPAIGN = "campaign"
    PLAN = "plan"
    PAYOUT = "payout"
    PAYOUT_BATCH = "payout_batch"
    RUN = "run"
    COMMAND = "command"
    MONTH = "month"
    ENTRY = "entry"


class Found(NamedTuple):
    """A thing of the books. `id` of a party is ROLE:ID, of a month YYYY-MM, of an entry WRITER-SEQ."""

    kind: FoundKind
    id: str


_ROLES = """
SELECT DISTINCT split ->> 'role' FROM reference, jsonb_array_elements(
  CASE jsonb_typeof(body -> 'splits') WHEN 'array' THEN body -> 'splits' ELSE '[]' END
) AS split WHERE kind = 'plan.published' ORDER BY 1
"""
_EXACT = f"""
SELECT 'order', %(text)s WHERE EXISTS (SELECT FROM line WHERE order_id = %(text)s)
UNION ALL SELECT 'party', party FROM unnest(%(parties)s::text[], %(keys)s::text[]) AS p (party, key)
  WHERE EXISTS (SELECT FROM account WHERE account.key = p.key)
UNION ALL SELECT 'party', 'koc:' || %(koc)s WHERE EXISTS (SELECT FROM reference WHERE body ->> 'koc_id' = %(koc)s)
  OR {IS_CREDITED}
UNION ALL SELECT 'brand', %(text)s WHERE EXISTS (SELECT FROM account WHERE key = 'brand:' || %(text)s || ':accrued')
  OR EXISTS (SELECT FROM reference WHERE body ->> 'brand_id' = %(text)s)
UNION ALL SELECT 'content', %(text)s
  WHERE EXISTS (SELECT FROM reference WHERE kind = 'content.registered' AND identity = %(text)s)
UNION ALL SELECT 'campaign', %(text)s
  WHERE EXISTS (SELECT FROM account WHERE key = 'budget:' || %(text)s || ':limit')
  OR EXISTS (SELECT FROM reference WHERE body ->> 'campaign_id' = %(text)s)
UNION ALL SELECT 'plan', %(text)s WHERE EXISTS (
  SELECT FROM reference WHERE kind = 'plan.published' AND split_part(identity, '|', 1) = %(text)s)
UNION ALL SELECT 'payout', id FROM payout WHERE id = %(text)s
UNION ALL SELECT 'payout_batch', id FROM payout_batch WHERE id = %(text)s
UNION ALL SELECT 'run', id FROM run WHERE id = %(text)s
UNION ALL SELECT 'command', id FROM command WHERE id = %(text)s
UNION ALL SELECT 'month', id FROM period WHERE id = %(text)s AND closed
UNION ALL SELECT 'entry', writer || '-' || seq FROM journal WHERE writer = %(writer)s AND seq = %(seq)s
"""  # noqa: S608 - conditions of ours
_ACCOUNTS_FROM = "SELECT key FROM account WHERE key >= %s ORDER BY key LIMIT %s"
_IDENTITIES_FROM = """
SELECT split_part(identity, '|', 1) FROM reference WHERE kind = %s AND identity >= %s ORDER BY identity LIMIT %s
"""
_NAMES_FROM: Mapping[FoundKind, str] = {
    FoundKind.ORDER: "SELECT DISTINCT order_id FROM line WHERE order_id >= %s ORDER BY order_id LIMIT %s",
    FoundKind.PAYOUT: "SELECT id FROM payout WHERE id >= %s ORDER BY id LIMIT %s",
    FoundKind.PAYOUT_BATCH: "SELECT id FROM payout_batch WHERE id >= %s ORDER BY id LIMIT %s",
    FoundKind.RUN: "SELECT id FROM run WHERE id >= %s ORDER BY id LIMIT %s",
    FoundKind.COMMAND: "SELECT id FROM command WHERE id >= %s ORDER BY id LIMIT %s",
    FoundKind.MONTH: "SELECT id FROM period WHERE closed AND id >= %s ORDER BY id LIMIT %s",
}
_REGISTERED = {FoundKind.CONTENT: "content.registered", FoundKind.PLAN: "plan.published"}


def find(connection: Connection, text: str) -> list[Found]:
    """What has this name, then up to ten things whose names begin with it.

    Args:
        connection: of the reader role.
        text: as a person typed it; spaces around it do not count. A text that no identifier can be finds nothing.
    """
    wanted = text.strip() if len(text) <= MAX_TEXT else ""
    if not _NAME.fullmatch(wanted):
        return []
    raw = psycopg_of(connection)
    roles = ["koc", *(role for (role,) in raw.execute(_ROLES).fetchall() if role != "koc")]
    exact = _exact(raw, wanted, roles)
    return [*exact, *islice(_suggestions(raw, wanted, roles, set(exact)), MAX_SUGGESTIONS)]


def _exact(raw: Any, text: str, roles: Sequence[str]) -> list[Found]:
    """What is called exactly that; a party also by its id alone."""
    parties = [*([text] if ":" in text else []), *(f"{role}:{text}" for role in roles)]
    keys = [(party, purpose(party)) for party in parties for purpose in _PURPOSES]
    entry = _ENTRY.fullmatch(text)
    parameters = {
        "text": text,
        "parties": [party for party, _ in keys],
        "keys": [key for _, key in keys],
        "koc": text.removeprefix("koc:"),
        "writer": int(entry[1]) if entry else None,
        "seq": int(entry[2]) if entry else None,
    }
    hits = {Found(FoundKind(kind), name) for kind, name in raw.execute(_EXACT, parameters).fetchall()}
    order = list(FoundKind)
    return sorted(hits, key=lambda one: (order.index(one.kind), one.id))


def _suggestions(raw: Any, text: str, roles: Sequence[str], known: set[Found]) -> Iterator[Found]:
    """What begins with that, one of each kind in turn, so that no kind crowds out another."""
    names: dict[FoundKind, list[str]] = {
        FoundKind.PARTY: _parties_from(raw, text, roles),
        FoundKind.BRAND: _owners_from(raw, "brand", text),
        FoundKind.CAMPAIGN: _owners_from(raw, "budget", text),
        **{kind: _first(raw, _IDENTITIES_FROM, event, text) for kind, event in _REGISTERED.items()},
        **{kind: _first(raw, statement, text) for kind, statement in _NAMES_FROM.items()},
    }
    some = [
        list(dict.fromkeys(Found(kind, name) for name in names[kind] if _begins(kind, name, text)))
        for kind in FoundKind
        if kind in names
    ]
    for in_turn in zip_longest(*some):
        yield from (one for one in in_turn if one is not None and one not in known)


def _begins(kind: FoundKind, name: str, text: str) -> bool:
    return name.startswith(text) or (kind is FoundKind.PARTY and name.partition(":")[2].startswith(text))


def _parties_from(raw: Any, text: str, roles: Iterable[str]) -> list[str]:
    """Parties from a text on, which may begin with their role."""
    role, _, rest = text.partition(":")
    if rest or text.endswith(":"):
        return [f"{role}:{name}" for name in _owners_from(raw, role, rest)] if role in roles else []
    return [f"{role}:{name}" for role in roles for name in _owners_from(raw, role, text)]


def _owners_from(raw: Any, owner: str, text: str) -> list[str]:
    """Ids of accounts of this owner, from a text on."""
    keys = [key for (key,) in raw.execute(_ACCOUNTS_FROM, (f"{owner}:{text}", _WALKED)).fetchall()]
    return [key.removeprefix(f"{owner}:").rpartition(":")[0] for key in keys if key.startswith(f"{owner}:")]


def _first(raw: Any, statement: str, *parameters: str) -> list[str]:
    """Names along an index."""
    return [name for (name,) in raw.execute(statement, (*parameters, _WALKED)).fetchall()]
