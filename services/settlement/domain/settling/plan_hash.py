"""A plan's proof: one sha256 over everything that a run settles, whatever the order of its rows.

The bytes, for whoever computes them again from the topics:

1. Each row is a JSON array in one line: no spaces (separators `,` and `:`), ASCII, integers in decimal, null for None.
   Shares are arrays of [claimant, amount_minor], sorted by claimant, without zeros.
   - a line:    ["line", partition, order_id, line_id, buyer_id, position, S', grants, bonus_minor, parts]
     `position` is the offset of its accepted assertion; `grants` are [credit name, b, c, num, den] sorted by name, all
     that the line has; `parts` are [content_id, koc_id, plan, base_minor, commission_minor, shares] in the order of
     the assertion's credits.
   - a content: ["content", content_id, currency, S'], its script fee
   - a party:   ["party", party, currency, settled_minor, reserve_minor, reserve_until, written_back_minor,
     released_minor, netted_payable_minor, netted_held_minor, held_delta_minor], reserve_until in microseconds
2. A block is the sha256 over the sha256s (32 bytes each) of its rows, sorted as bytes and joined. Lines, contents and
   parties are a block each; a block without rows is the sha256 of nothing.
3. plan_sha256 = sha256("koc-plan-1" + lines + contents + parties).
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.terms import LineGrants
from services.settlement.domain.settling.netting import NetResult, Reserve
from services.settlement.domain.settling.parts import CreditPart
from services.settlement.domain.settling.shares import Shares

_VERSION = b"koc-plan-1"
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class LinePlan(NamedTuple):
    """A row of run_line: what a run settles of one line; `position` is the assertion's offset in its partition."""

    partition: int
    key: Key
    position: int
    settled: Shares
    grants: LineGrants
    parts: Sequence[CreditPart]


class ContentPlan(NamedTuple):
    """A row of run_content: what a run settles of one content's script fee."""

    content_id: str
    currency: str
    settled: Shares


class PartyPlan(NamedTuple):
    """A row of run_party: what a run settled for a party, keeps back of it and nets."""

    party: str
    currency: str
    settled_minor: int
    reserve: Reserve
    net: NetResult


def line_digest(line: LinePlan) -> bytes:
    """The sha256 of a line's row."""
    grants = [[name, *grant] for name, grant in sorted(line.grants.credits.items())]
    parts = [[*part[:-1], _pairs(part.amounts)] for part in line.parts]
    what = (_pairs(line.settled), grants, line.grants.bonus_minor, parts)
    return _digest("line", line.partition, *line.key, line.position, *what)


def content_digest(content: ContentPlan) -> bytes:
    """The sha256 of a content's row."""
    return _digest("content", content.content_id, content.currency, _pairs(content.settled))


def party_digest(party: PartyPlan) -> bytes:
    """The sha256 of a party's row."""
    return _digest("party", party.party, party.currency, party.settled_minor, *party.reserve, *party.net)


def plan_sha256(lines: Iterable[bytes], contents: Iterable[bytes], parties: Iterable[bytes]) -> bytes:
    """The plan's 32 bytes, of its rows' digests in any order."""
    return sha256(_VERSION + b"".join(_block(digests) for digests in (lines, contents, parties))).digest()


def _block(digests: Iterable[bytes]) -> bytes:
    return sha256(b"".join(sorted(digests))).digest()


def _digest(*fields: object) -> bytes:
    return sha256(_encode(fields).encode()).digest()


def _pairs(shares: Shares) -> list[tuple[str, int]]:
    return sorted(shares.items())
