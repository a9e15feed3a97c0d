"""Credits: a line's shares by party, merged and rounded to weights that add up to 1,000,000 exactly."""

from collections.abc import Sequence
from typing import NamedTuple

from services.attribution.domain.facts import Touch
from services.kernel.money import MILLION, allocate, credit_rank

MAX_CREDITS = 200
"""Parties that can share one line, so that an assertion always fits into a record. More share it among these."""

Party = tuple[str, str, str | None, str]
"""(content, koc, campaign, traffic): credits of one party are one credit."""


class Credit(NamedTuple):
    """A share of a line. A declared credit has no touch.

    Attributes:
        touch_id, touched_at: the latest of the touches that earned it.
    """

    content_id: str
    koc_id: str
    campaign_id: str | None
    traffic: str
    touch_id: str | None
    touched_at: int | None
    weight_ppm: int


class Division(NamedTuple):
    """A line as it was divided.

    Attributes:
        weights: of each party in ppm, 0 where it rounds to nothing; a party that is not named came after the limit.
    """

    credits: tuple[Credit, ...]
    weights: dict[Party, int]


def party_of(touch: Touch) -> Party:
    """Who would earn by a touch."""
    return touch.content_id, touch.koc_id, touch.campaign_id, touch.traffic


def credit_of(touch: Touch, weight_ppm: int = MILLION) -> Credit:
    """The credit of one touch, of the whole line if not said otherwise."""
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
