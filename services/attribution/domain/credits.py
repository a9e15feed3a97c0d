"""Credits: a line's shares, merged by party and rounded to weights that add up to exactly 1,000,000."""

from collections.abc import Sequence
from typing import NamedTuple

from services.attribution.domain.facts import Touch
from services.kernel.money import MILLION, allocate, credit_rank

MAX_CREDITS = 200
"""The most parties that share one line, so that an assertion always fits into a record. Further parties get nothing."""

Party = tuple[str, str, str | None, str]
"""(content, koc, campaign, traffic): the shares of one party become one credit."""


class Credit(NamedTuple):
    """A share of a line. A declared credit has no touch.

    Attributes:
        touch_id, touched_at: of the latest touch that earned the credit.
    """

    content_id: str
    koc_id: str
    campaign_id: str | None
    traffic: str
    touch_id: str | None
    touched_at: int | None
    weight_ppm: int


class Division(NamedTuple):
    """The result of sharing a line.

    Attributes:
        weights: each party's ppm, 0 if its share rounds to nothing; a party beyond the limit is missing.
    """

    credits: tuple[Credit, ...]
    weights: dict[Party, int]


def party_of(touch: Touch) -> Party:
    """The party that a touch would earn for."""
    return touch.content_id, touch.koc_id, touch.campaign_id, touch.traffic


def credit_of(touch: Touch, weight_ppm: int = MILLION) -> Credit:
    """The credit of one touch, by default for the whole line."""
    return Credit(
        touch.content_id,
        touch.koc_id,
        touch.campaign_id,
        touch.traffic,
        touch.event_id,
        touch.occurred_at,
        weight_ppm,
    )


def divide(order_id: str, line_id: str, touches: Sequence[Touch], shares: Sequence[int]) -> Division:
    """Merge shares by party and round by largest remainder; touches ascending in time, shares above zero."""
    latest: dict[Party, Touch] = {}
    merged: dict[Party, int] = {}
    for touch, share in zip(touches, shares, strict=True):
        party = party_of(touch)
        latest[party] = touch
        merged[party] = merged.get(party, 0) + share
    parties = sorted(merged, key=lambda party: credit_rank(order_id, line_id, *party))
    if len(parties) > MAX_CREDITS:
        kept = set(sorted(parties, key=lambda party: -merged[party])[:MAX_CREDITS])
        parties = [party for party in parties if party in kept]
    weights = allocate(MILLION, [merged[party] for party in parties], tie_break=lambda i: i)
    earned = tuple(credit_of(latest[party], weight) for party, weight in zip(parties, weights, strict=True) if weight)
    return Division(earned, dict(zip(parties, weights, strict=True)))
