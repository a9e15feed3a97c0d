"""The rule: from a line's candidates to credits that add up to 1,000,000, with a verdict for every candidate.

Remove what does not qualify; then only the strongest evidence competes; of that only the closest scope; the policy's
model shares the line among what is left.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.attribution.domain.facts import Line, Payment, Touch
from services.attribution.domain.models import MODELS
from services.attribution.domain.policy import EVIDENCE, PRODUCT, Policy, scope_of
from services.attribution.domain.verdicts import (
    CREDITED,
    FARTHER_SCOPE,
    OUTSIDE_WINDOW,
    SAME_ACCOUNT,
    WEAKER_EVIDENCE,
    WIDER_SCOPE,
    Verdict,
)
from services.kernel.money import MILLION, allocate, credit_rank

_SCOPES = PRODUCT + 1
"""Evidence counts for more than any scope."""


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


class Judgement(NamedTuple):
    """Who is credited, and what became of each candidate (in the order they were given)."""

    credits: tuple[Credit, ...]
    verdicts: list[Verdict]


def judge(buyer_id: str, payment: Payment, line: Line, candidates: Sequence[Touch], policy: Policy) -> Judgement:
    """Apply a policy to a line. `candidates` may come in any order; the result does not depend on it.

    The platform's own declaration takes the whole line, unless it would pay the buyer.
    """
    verdicts, strengths = _remove(buyer_id, payment, line, candidates, policy)
    best = max(strengths, default=0)
    declared = payment.declared
    if declared is not None and declared.koc_id != buyer_id:
        verdicts = [
            WEAKER_EVIDENCE if strength else verdict for verdict, strength in zip(verdicts, strengths, strict=True)
        ]
        return Judgement((Credit(*declared, touch_id=None, touched_at=None, weight_ppm=MILLION),), verdicts)
    if not best:
        return Judgement((), verdicts)
    closest = []
    for i, strength in enumerate(strengths):
        if strength == best:
            closest.append(i)
        elif strength:
            verdicts[i] = WEAKER_EVIDENCE if strength // _SCOPES < best // _SCOPES else FARTHER_SCOPE
    return Judgement(_share(payment, line, candidates, closest, policy, verdicts), verdicts)


def _remove(
    buyer_id: str, payment: Payment, line: Line, candidates: Sequence[Touch], policy: Policy
) -> tuple[list[Verdict], list[int]]:
    """Of each candidate the verdict if it does not qualify, else its strength: by evidence, then by scope; 0 if not."""
    verdicts, strengths = [], []
    paid_at, shop_id, widest_scope, window = payment.paid_at, payment.shop_id, policy.widest_scope, policy.window
    for touch in candidates:
        scope, strength = scope_of(touch, shop_id, line), 0
        if scope < widest_scope:
            verdict = WIDER_SCOPE
        elif paid_at - touch.occurred_at > window(touch):
            verdict = OUTSIDE_WINDOW
        elif touch.koc_id == buyer_id:
            verdict = SAME_ACCOUNT
        else:
            verdict, strength = CREDITED, EVIDENCE[touch.kind] * _SCOPES + scope
        verdicts.append(verdict)
        strengths.append(strength)
    return verdicts, strengths


def _share(
    payment: Payment,
    line: Line,
    candidates: Sequence[Touch],
    competing: list[int],
    policy: Policy,
    verdicts: list[Verdict],
) -> tuple[Credit, ...]:
    """Credits of the touches at the indices `competing`; writes the verdict of those that get nothing."""
    model = MODELS[policy.model]
    if len(competing) == 1:
        return (_credit(candidates[competing[0]], MILLION),)
    ascending = sorted(competing, key=lambda i: (candidates[i].occurred_at, candidates[i].event_id))
    shares = model.shares([candidates[i] for i in ascending])
    winners = []
    for i, share in zip(ascending, shares, strict=True):
        if share:
            winners.append((candidates[i], share))
        else:
            verdicts[i] = model.loser
    return _merge(payment.order_id, line.line_id, winners)


def _merge(order_id: str, line_id: str, winners: list[tuple[Touch, int]]) -> tuple[Credit, ...]:
    """One credit per (content, koc, campaign, traffic), weighted by largest remainder; `winners` ascending in time."""
    if len(winners) == 1:
        return (_credit(winners[0][0], MILLION),)
    latest: dict[tuple[str, str, str | None, str], Touch] = {}
    shares: dict[tuple[str, str, str | None, str], int] = {}
    for touch, share in winners:
        party = (touch.content_id, touch.koc_id, touch.campaign_id, touch.traffic)
        latest[party] = touch
        shares[party] = shares.get(party, 0) + share
    parties = sorted(shares, key=lambda party: credit_rank(order_id, line_id, *party))
    weights = allocate(MILLION, [shares[party] for party in parties], tie_break=lambda i: i)
    return tuple(_credit(latest[party], weight) for party, weight in zip(parties, weights, strict=True) if weight)


def _credit(touch: Touch, weight_ppm: int) -> Credit:
    return Credit(
        touch.content_id,
        touch.koc_id,
        touch.campaign_id,
        touch.traffic,
        touch.event_id,
        touch.occurred_at,
        weight_ppm,
    )
