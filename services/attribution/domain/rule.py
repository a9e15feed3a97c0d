"""The rule: from a line's candidates to credits that add up to 1,000,000, with a verdict on every candidate.

Candidates that do not qualify are removed. Of the others only the strongest evidence competes, and of that only the
closest scope. The policy's model shares the line among the touches that are left.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.attribution.domain.credits import Credit, credit_of, divide, party_of
from services.attribution.domain.facts import PaidLine, Payment, Touch
from services.attribution.domain.models import MODELS, SingleTouchModel
from services.attribution.domain.policy import BRAND, ELSEWHERE, EVIDENCE, PRODUCT, SHOP, Policy
from services.attribution.domain.verdicts import (
    BEYOND_LIMIT,
    CREDITED,
    FARTHER_SCOPE,
    NEGLIGIBLE,
    OUTSIDE_WINDOW,
    SAME_ACCOUNT,
    WEAKER_EVIDENCE,
    WIDER_SCOPE,
    Verdict,
)
from services.kernel.money import MILLION

_SCOPES = PRODUCT + 1
"""A strength is evidence * _SCOPES + scope: evidence counts for more than any scope."""


class Judgement(NamedTuple):
    """The credits of a line, and the verdict on each candidate.

    Attributes:
        verdicts: on the touches, in the given order.
        declared: the verdict on the platform's own declaration; None if there is none.
    """

    credits: tuple[Credit, ...]
    verdicts: list[Verdict]
    declared: Verdict | None


def judge(buyer_id: str, payment: Payment, line: PaidLine, candidates: Sequence[Touch], policy: Policy) -> Judgement:
    """Apply a policy to a line. The result does not depend on the order of `candidates`.

    The platform's own declaration takes the whole line, unless it would pay the buyer.
    """
    verdicts, strengths, best = _remove(buyer_id, payment, line, candidates, policy)
    declared, declared_verdict = payment.declared, None
    if declared is not None:
        if declared.koc_id != buyer_id:
            verdicts = [
                WEAKER_EVIDENCE if strength else verdict for verdict, strength in zip(verdicts, strengths, strict=True)
            ]
            credit = Credit(*declared, touch_id=None, touched_at=None, weight_ppm=MILLION)
            return Judgement((credit,), verdicts, CREDITED)
        declared_verdict = SAME_ACCOUNT
    if not best:
        return Judgement((), verdicts, declared_verdict)
    closest = []
    for i, strength in enumerate(strengths):
        if strength == best:
            closest.append(i)
        elif strength:
            verdicts[i] = WEAKER_EVIDENCE if strength // _SCOPES < best // _SCOPES else FARTHER_SCOPE
    return Judgement(_share(payment, line, candidates, closest, policy, verdicts), verdicts, declared_verdict)


def _remove(
    buyer_id: str, payment: Payment, line: PaidLine, candidates: Sequence[Touch], policy: Policy
) -> tuple[list[Verdict], list[int], int]:
    """Judge each candidate alone. Returns (verdicts, strengths, greatest strength).

    The strength is 0 if the touch does not qualify. Otherwise its verdict is CREDITED so far.
    """
    # Local names: this loop runs for every candidate of every line.
    verdicts, strengths, best = [], [], 0
    paid_at, shop_id, product_id, brand_id = payment.paid_at, payment.shop_id, line.product_id, line.brand_id
    widest_scope, windows, content_windows = policy.widest_scope, policy.windows, policy.content_windows
    for touch in candidates:
        _, kind, occurred_at, _, koc_id, _, content_type, touch_product, touch_shop, touch_brand, _, _ = touch
        # The closest scope in which touch and line meet.
        strength = 0
        if touch_product == product_id:
            scope = PRODUCT
        elif touch_shop == shop_id:
            scope = SHOP
        else:
            scope = BRAND if touch_brand == brand_id else ELSEWHERE
        # The first reason for a removal counts.
        if scope < widest_scope:
            verdict = WIDER_SCOPE
        elif paid_at - occurred_at > content_windows.get(content_type, windows[kind]):
            verdict = OUTSIDE_WINDOW
        elif koc_id == buyer_id:
            verdict = SAME_ACCOUNT
        else:
            verdict, strength = CREDITED, EVIDENCE[kind] * _SCOPES + scope
            if strength > best:
                best = strength
        verdicts.append(verdict)
        strengths.append(strength)
    return verdicts, strengths, best


def _share(
    payment: Payment,
    line: PaidLine,
    candidates: Sequence[Touch],
    competing: list[int],
    policy: Policy,
    verdicts: list[Verdict],
) -> tuple[Credit, ...]:
    """Credits of the touches at the indices `competing`; sets the verdicts on those that get nothing."""
    # One touch takes the line by every model.
    if len(competing) == 1:
        return (credit_of(candidates[competing[0]]),)
    # A model for a single touch needs no division.
    model = MODELS[policy.model]
    if isinstance(model, SingleTouchModel):
        _, _, winner = model.choose([(candidates[i].occurred_at, candidates[i].event_id, i) for i in competing])
        for i in competing:
            if i != winner:
                verdicts[i] = model.loser
        return (credit_of(candidates[winner]),)
    # The other models share the line among parties; a share may round to nothing or come after the limit.
    competing.sort(key=lambda i: (candidates[i].occurred_at, candidates[i].event_id))
    touches = [candidates[i] for i in competing]
    division = divide(payment.order_id, line.line_id, touches, model.shares(touches))
    for i, touch in zip(competing, touches, strict=True):
        weight = division.weights.get(party_of(touch))
        if not weight:
            verdicts[i] = BEYOND_LIMIT if weight is None else NEGLIGIBLE
    return division.credits
