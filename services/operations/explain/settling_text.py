"""A line's settlement as text for a person."""

from collections.abc import Iterator

from services.kernel.time import format_rfc3339
from services.operations.explain.remarks import money
from services.operations.explain.settling import ClaimantExplanation, RunExplanation, SettlingExplanation
from services.operations.explain.sources import ExplainableAssertion
from services.settlement.domain.book.chart import OURSELVES
from services.settlement.domain.settling.plan_hash import PartyPlan
from services.settlement.domain.settling.shares import Shares


def settling_text(one: SettlingExplanation, told: ExplainableAssertion) -> Iterator[str]:
    """Its state and clock, what each claimant has, and the runs."""
    yield f"  state {one.stage}: {one.clock.why}"
    for case in one.cases:
        yield f"    ! {case}"
    for claimant in one.claimants:
        if claimant.settled_minor:
            yield f"    {_claimant_text(claimant, told)}"
    for run in one.runs:
        yield f"    {_run_text(run, told)}"
        for net in run.nets:
            yield f"      {_net_text(net, told)}"


def _claimant_text(one: ClaimantExplanation, told: ExplainableAssertion) -> str:
    """What a claimant is owed, and what of it is settled, waits or is claimed back."""
    parts = [f"{money(one.settled_minor, told)} settled"]
    if one.waiting_minor:
        parts.append(f"{money(one.waiting_minor, told)} waits for the next run")
    if one.clawed_back_minor:
        what = "is given up" if one.claimant == OURSELVES else "is claimed back"
        parts.append(f"{money(one.clawed_back_minor, told)} {what}")
    parts += [
        f"in payout {paid.payout} ({paid.status})" if paid.payout else "not in a payout yet" for paid in one.payouts
    ]
    return f"{one.claimant}: owed {money(one.owed_minor, told)}; {', '.join(parts)}"


def _run_text(one: RunExplanation, told: ExplainableAssertion) -> str:
    """What a run settled, or why it left the line."""
    name = f"run {one.run.id} (as of {format_rfc3339(one.run.as_of)})"
    if one.raised is None:
        return f"not in {name}: {one.why}"
    return f"in {name}: {_shares_text(one.raised, told)}; {one.why}"


def _shares_text(shares: Shares, told: ExplainableAssertion) -> str:
    return ", ".join(f"{claimant} {money(amount, told)}" for claimant, amount in sorted(shares.items()))


def _net_text(plan: PartyPlan, told: ExplainableAssertion) -> str:
    """What the run netted and held of a party, over all its lines."""
    net = plan.net
    moved = (
        ("netted against what it owes", net.netted_payable + net.netted_held),
        ("given back of what was netted before", net.released),
        ("taken back of what was written off", net.written_back),
        ("more is held", max(0, net.held_delta)),
        ("less is held", max(0, -net.held_delta)),
    )
    parts = ", ".join(f"{money(amount, told)} {what}" for what, amount in moved if amount)
    return f"net of {plan.party} over all its lines: {parts}"
