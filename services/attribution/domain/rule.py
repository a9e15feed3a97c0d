"""The rule: from a line's candidates to credits that add up to 1,000,000, with a verdict for every candidate.

Remove what does not qualify; then only the strongest evidence competes; of that only the closest scope; the policy's
model shares the line among what is left.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.attribution.domain.facts import Line, Payment, Touch
from services.attribution.domain.models import MODELS
from services.attribution.domain.policy import EVIDENCE, Policy, scope_of
from services.attribution.domain.verdicts import Verdict
from services.kernel.money import MILLION, allocate, credit_rank


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
    verdicts, ranks = _remove(buyer_id, payment, line, candidates, policy)
    competing = [i for i, rank in enumerate(ranks) if rank is not None]
    declared = payment.declared
    if declared is not None and declared.koc_id != buyer_id:
        for i in competing:
            verdicts[i] = Verdict.WEAKER_EVIDENCE
        return Judgement((Credit(*declared, touch_id=None, touched_at=None, weight_ppm=MILLION),), verdicts)
    if not competing:
        return Judgement((), verdicts)
    best = max(rank for rank in ranks if rank is not None)
    closest = []
    for i in competing:
        rank = ranks[i]
        if rank == best:
            closest.append(i)
        elif rank is not None:
            verdicts[i] = Verdict.WEAKER_EVIDENCE if rank[0] < best[0] else Verdict.FARTHER_SCOPE
    return Judgement(_share(payment, line, candidates, closest, policy, verdicts), verdicts)


def _remove(
    buyer_id: str, payment: Payment, line: Line, candidates: Sequence[Touch], policy: Policy
) -> tuple[list[Verdict], list[tuple[int, int] | None]]:
    """The verdict of each candidate that does not qualify, and the (evidence, scope) of each that does."""
    verdicts: list[Verdict] = []
    ranks: list[tuple[int, int] | None] = []
    for touch in candidates:
        scope = scope_of(touch, payment.shop_id, line)
        rank = None
        verdict = Verdict.CREDITED
        if scope < policy.widest_scope:
            verdict = Verdict.WIDER_SCOPE
        elif payment.paid_at - touch.occurred_at > policy.window(touch):
            verdict = Verdict.OUTSIDE_WINDOW
        elif touch.koc_id == buyer_id:
            verdict = Verdict.SAME_ACCOUNT
        else:
            rank = (EVIDENCE[touch.kind], scope)
        verdicts.append(verdict)
        ranks.append(rank)
    return verdicts, ranks


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
