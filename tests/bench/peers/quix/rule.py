"""The default policy of policies.toml, last_click to brand scope: which candidate is credited, and why no other."""

from tests.bench.peers.quix.events import Line, Order, Touch

DAY = 86_400_000_000
CANDIDATE_WINDOW = 15 * DAY
_EVIDENCE = {"view": 4, "click": 8, "code": 12}
_WINDOWS = {"view": DAY, "click": 15 * DAY, "code": 15 * DAY}


def judge(order: Order, line: Line, candidates: list[Touch]) -> tuple[int | None, list[str]]:
    """The index of the credited touch, and a verdict for each; candidates come latest first, then by id."""
    strengths, verdicts = [], []
    for touch in candidates:
        strength, verdict = _strength(order, line, touch)
        strengths.append(strength)
        verdicts.append(verdict)
    best = max(strengths, default=0)
    if not best:
        return None, verdicts
    credited: int | None = None
    for i, strength in enumerate(strengths):
        if strength == best:
            verdicts[i] = "not_last"
            if credited is None or candidates[i].at == candidates[credited].at:
                credited = i
        elif strength:
            verdicts[i] = "weaker_evidence" if strength // 4 < best // 4 else "farther_scope"
    assert credited is not None
    verdicts[credited] = "credited"
    return credited, verdicts


def _strength(order: Order, line: Line, touch: Touch) -> tuple[int, str]:
    """How strongly a touch competes, 0 if it does not; and its verdict as far as it is known."""
    if touch.product_id == line.product_id:
        scope = 3
    elif touch.shop_id == order.shop_id:
        scope = 2
    elif touch.brand_id == line.brand_id:
        scope = 1
    else:
        return 0, "wider_scope"
    window = DAY if touch.content_type == "live" else _WINDOWS[touch.event_type]
    if order.at - touch.at > window:
        return 0, "outside_window"
    if touch.koc_id == order.buyer_id:
        return 0, "same_account"
    return _EVIDENCE[touch.event_type] + scope, ""
