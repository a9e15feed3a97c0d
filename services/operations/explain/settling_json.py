"""A line's settlement as JSON: amounts in minor units of the line's currency, times in RFC 3339."""

from typing import Any

from services.kernel.time import format_rfc3339
from services.operations.explain.explain import LineExplanation
from services.operations.explain.settling import RunExplanation
from services.settlement.domain.settling.plan_hash import PartyPlan
from services.settlement.domain.settling.shares import Shares


def settling_json(one: LineExplanation) -> dict[str, Any]:
    """Members of a line's object."""
    settling, terms = one.settling, one.line.terms
    return {
        "state": settling.stage,
        "clock": {
            "settle_at": _time(settling.clock.settle_at),
            "received_at": _time(settling.clock.received_at),
            "return_window_days": settling.clock.window_days,
            "why": settling.clock.why,
        },
        "terms": None
        if terms is None
        else {"registry_offset": terms.registry_offset, "as_of": format_rfc3339(terms.as_of)},
        "claimants": [
            {
                "claimant": claimant.claimant,
                "owed_minor": claimant.owed_minor,
                "settled_minor": claimant.settled_minor,
                "waiting_minor": claimant.waiting_minor,
                "clawed_back_minor": claimant.clawed_back_minor,
                "payouts": [{"payout": one.payout, "status": one.status} for one in claimant.payouts],
            }
            for claimant in settling.claimants
        ],
        "cases": list(settling.cases),
        "runs": [_run_json(run) for run in settling.runs],
    }


def _run_json(one: RunExplanation) -> dict[str, Any]:
    return {
        "run": one.run.id,
        "as_of": format_rfc3339(one.run.as_of),
        "status": one.run.status,
        "settled": None if one.raised is None else _shares_json(one.raised),
        "left_out": one.reason,
        "why": one.why,
        "nets": [_net_json(plan) for plan in one.nets],
    }


def _shares_json(shares: Shares) -> list[dict[str, Any]]:
    return [{"claimant": claimant, "amount_minor": amount} for claimant, amount in sorted(shares.items())]


def _net_json(plan: PartyPlan) -> dict[str, Any]:
    return {"party": plan.party, **{f"{name}_minor": amount for name, amount in plan.net._asdict().items()}}


def _time(moment: int | None) -> str | None:
    return None if moment is None else format_rfc3339(moment)
