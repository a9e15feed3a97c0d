"""Registry events that say where a party is paid, and who has left, as the domain's own objects."""

from typing import NamedTuple

from services.kernel.time import parse_rfc3339
from services.settlement.domain.pricing.facts import Body

PAYEE = "payee.set"
LEFT = "koc.left"


class Payee(NamedTuple):
    """Where a party is paid: a rail, as bank or wechat, and `ref`, a token of the payee file."""

    rail: str
    ref: str


class Departure(NamedTuple):
    """A KOC that left, as a party (`koc:ID`), and when, microseconds."""

    party: str
    left_at: int


def payee_of(body: Body) -> Payee:
    """Where the party of a payee.set is paid."""
    return Payee(body["rail"], body["ref"])


def departure_of(body: Body) -> Departure:
    """Who left by a koc.left."""
    return Departure(f"koc:{body['koc_id']}", parse_rfc3339(body["left_at"]))
