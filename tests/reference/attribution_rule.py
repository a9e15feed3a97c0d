"""Who is credited, worked out a second way: sets and exact fractions, straight from the words of the design page.

It shares the events' and the policy's shapes with the product and not a line of its rule.
"""

from decimal import Decimal, localcontext
from fractions import Fraction
from hashlib import sha256
from typing import NamedTuple

from services.attribution.domain.facts import PaidLine, Payment, Touch
from services.attribution.domain.policy import Policy

SEVEN_DAYS = 7 * 86_400_000_000
Party = tuple[str, str, str | None, str]


class Expected(NamedTuple):
    """What must come out.

    Attributes:
        weights: ppm by party, none of them zero.
        verdicts: by event_id; None is the declaration's.
    """

    weights: dict[Party, int]
    verdicts: dict[str | None, str]


def expected(
    buyer_id: str, payment: Payment, line: PaidLine, touches: list[Touch], policy: Policy, max_credits: int
) -> Expected:
    """Weights and verdicts of a line."""
    verdicts: dict[str | None, str] = {}
    standing = []
    for touch in touches:
        verdicts[touch.event_id] = removal(buyer_id, payment, line, touch, policy) or "standing"
        if verdicts[touch.event_id] == "standing":
            standing.append(touch)
    declared = payment.declared
    if declared is not None:
        verdicts[None] = "same_account" if declared.koc_id == buyer_id else "credited"
        if verdicts[None] == "credited":
            verdicts |= {touch.event_id: "weaker_evidence" for touch in standing}
            return Expected({tuple(declared): 1_000_000}, verdicts)
    for word, strength in (
        ("weaker_evidence", lambda touch: ["view", "click", "code"].index(touch.kind)),
        ("farther_scope", lambda touch: -scope(payment, line, touch)),
    ):
        best = max(map(strength, standing), default=0)
        verdicts |= {touch.event_id: word for touch in standing if strength(touch) < best}
        standing = [touch for touch in standing if strength(touch) == best]
    return _shared(payment, line, standing, policy, max_credits, verdicts)


def removal(buyer_id: str, payment: Payment, line: PaidLine, touch: Touch, policy: Policy) -> str | None:
    """Why a touch does not count at all."""
    if scope(payment, line, touch) > {3: 0, 2: 1, 1: 2}[policy.widest_scope]:
        return "wider_scope"
    window = policy.content_windows.get(touch.content_type, policy.windows[touch.kind])
    if touch.occurred_at + window < payment.paid_at:
        return "outside_window"
    return "same_account" if touch.koc_id == buyer_id else None


def scope(payment: Payment, line: PaidLine, touch: Touch) -> int:
    """0 the product, 1 the shop, 2 the brand, 3 none of them."""
    same = (touch.product_id == line.product_id, touch.shop_id == payment.shop_id, touch.brand_id == line.brand_id)
    return same.index(True) if any(same) else 3


def fractions(model: str, touches: list[Touch]) -> list[Fraction]:
    """Each touch's part of one; touches from the first to the last."""
    count = len(touches)
    if model == "last_click":
        parts = [Fraction(i == count - 1) for i in range(count)]
    elif model == "first_click":
        parts = [Fraction(i == 0) for i in range(count)]
    elif model == "linear":
        parts = [Fraction(1, count)] * count
    elif model == "position_based":
        parts = _ends(count)
    else:
        powers = [_half_to_the(touches[-1].occurred_at - touch.occurred_at) for touch in touches]
        parts = [power / sum(powers) for power in powers]
    assert sum(parts) == 1
    return parts


def _ends(count: int) -> list[Fraction]:
    if count <= 2:
        return [Fraction(1, count)] * count
    end, between = Fraction(40, 100), Fraction(20, 100) / (count - 2)
    return [end, *[between] * (count - 2), end]


def _half_to_the(age: int) -> Fraction:
    """2 to the power of minus `age` in units of seven days: whole ones exactly, the rest to 50 decimals."""
    whole, rest = divmod(age, SEVEN_DAYS)
    with localcontext() as context:
        context.prec = 60
        power = Decimal(2) ** (-Decimal(rest) / Decimal(SEVEN_DAYS))
        return Fraction(int(power.scaleb(50)), 10**50) / 2**whole


def _shared(
    payment: Payment,
    line: PaidLine,
    standing: list[Touch],
    policy: Policy,
    max_credits: int,
    verdicts: dict[str | None, str],
) -> Expected:
    """What the model makes of the touches that compete."""
    if not standing:
        return Expected({}, verdicts)
    standing = sorted(standing, key=lambda touch: (touch.occurred_at, touch.event_id))
    by_party: dict[Party, Fraction] = {}
    losers = {"last_click": "not_last", "first_click": "not_first"}
    for touch, part in zip(standing, fractions(policy.model, standing), strict=True):
        verdicts[touch.event_id] = "credited" if part else losers[policy.model]
        if part:
            by_party[_party(touch)] = by_party.get(_party(touch), Fraction(0)) + part
    ranked = sorted(by_party, key=lambda party: (-by_party[party], _rank(payment, line, party)))
    kept = ranked[:max_credits]
    weights = _rounded({party: by_party[party] for party in kept}, payment, line)
    for touch in standing:
        if verdicts[touch.event_id] == "credited" and not weights.get(_party(touch)):
            verdicts[touch.event_id] = "negligible" if _party(touch) in kept else "beyond_limit"
    return Expected({party: weight for party, weight in weights.items() if weight}, verdicts)


def _party(touch: Touch) -> Party:
    return touch.content_id, touch.koc_id, touch.campaign_id, touch.traffic


def _rank(payment: Payment, line: PaidLine, party: Party) -> str:
    return sha256("|".join([payment.order_id, line.line_id, *(name or "" for name in party)]).encode()).hexdigest()


def _rounded(parts: dict[Party, Fraction], payment: Payment, line: PaidLine) -> dict[Party, int]:
    """Largest remainder to a million; of equal remainders the smallest hash first."""
    exact = {party: part / sum(parts.values()) * 1_000_000 for party, part in parts.items()}
    weights = {party: int(part) for party, part in exact.items()}
    order = sorted(exact, key=lambda party: (weights[party] - exact[party], _rank(payment, line, party)))
    for party in order[: 1_000_000 - sum(weights.values())]:
        weights[party] += 1
    return weights
