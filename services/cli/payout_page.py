"""Payouts for a person or a program: batches, what they net and pay, who gets none and why, what a payout covers."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from services.kernel.time import format_rfc3339, format_to_second
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.paying.payouts import MEANING

if TYPE_CHECKING:
    from services.settlement.books.payout_ports import StoredBatch, StoredPayout
    from services.settlement.books.payout_reads import CoveredLeg, PayoutsInState
    from services.settlement.domain.paying.batch_hash import BatchNet
    from services.settlement.payouts.propose import BatchPlan

_SHOWN = 20


def sums_text(payouts: int, amounts: Mapping[str, int]) -> str:
    """`3 payouts: 36.00 CNY, 51 JPY`."""
    money = ", ".join(f"{decimal_text(amount, currency)} {currency}" for currency, amount in sorted(amounts.items()))
    return f"{payouts:,} payout{'' if payouts == 1 else 's'}" + (f": {money}" if money else "")


def batch_body(batch: "StoredBatch", state: str) -> dict[str, Any]:
    """A batch as JSON, amounts in minor units."""
    approved_at = None if batch.approved_at is None else format_rfc3339(batch.approved_at)
    return {
        "batch": batch.id, "state": state, "as_of": format_rfc3339(batch.as_of), "by": batch.by or None,
        "approved_by": batch.approved_by, "approved_at": approved_at, "plan_sha256": batch.plan_sha256.hex(),
        **batch.counts,
    }  # fmt: skip


def print_batch(batch: "StoredBatch", state: str, *, as_json: bool) -> None:
    """Print what came of a proposal."""
    body = batch_body(batch, state)
    if as_json:
        print(json.dumps(body))
        return
    _print_head(body)
    if state == "proposed" and batch.counts["payouts"]:
        print(f"  it waits for `koc payout approve {batch.id}` by somebody else")


def print_plan(plan: "BatchPlan", batch_id: str, as_of: int, *, as_json: bool) -> None:
    """Print what a proposal would come to."""
    from services.settlement.domain.paying.batch_hash import batch_sha256

    proof = batch_sha256(batch_id, plan.nets, plan.payouts).hex()
    body = {
        "batch": batch_id, "state": "planned, not stored", "as_of": format_rfc3339(as_of), "plan_sha256": proof,
        **plan.counts(),
    }  # fmt: skip
    if as_json:
        print(json.dumps(body))
    else:
        _print_head(body)


def print_whole_batch(
    batch: "StoredBatch", nets: Sequence["BatchNet"], payouts: Sequence["StoredPayout"], *, as_json: bool
) -> None:
    """Print a batch with its rows; --json names all of them, text the first."""
    body = batch_body(batch, batch.status)
    if as_json:
        moves = [
            {"party": net.party, "currency": net.currency}
            | {f"{name}_minor": amount for name, amount in net.net._asdict().items()}
            for net in nets
        ]
        print(json.dumps({**body, "nets": moves, "rows": [_payout_body(one) for one in payouts]}))
        return
    _print_head(body)
    print(f"  proposed by {batch.by} at {format_to_second(batch.proposed_at)}")
    if batch.approved_by is not None and batch.approved_at is not None:
        print(f"  approved by {batch.approved_by} at {format_to_second(batch.approved_at)}")
    _print_some("nets before it", [_net_line(net) for net in nets])
    _print_some("payouts", [_payout_line(one) for one in payouts])


def print_payout(payout: "StoredPayout", legs: Sequence["CoveredLeg"], *, as_json: bool) -> None:
    """Print a payout with the entries that it covers."""
    if as_json:
        entries = [leg._asdict() | {"effective_at": format_rfc3339(leg.effective_at)} for leg in legs]
        print(json.dumps({**_payout_body(payout), "covers": entries}))
        return
    plan = payout.plan
    print(f"payout {payout.id} of batch {payout.batch}: {payout.status}")
    withheld = (
        f", {decimal_text(plan.withheld.amount_minor, plan.currency)} withheld" if plan.withheld.authority else ""
    )
    print(f"  {plan.party}  {decimal_text(plan.amount_minor, plan.currency)} {plan.currency}{withheld}")
    print(f"  by {plan.payee.rail} to {plan.payee.ref}")
    if payout.is_refused:
        print(f"  its money is held: `koc payout release {payout.id}`, or a newer payee.set of the party, lets it go")
    proof = payout.covered.sha256.hex()
    print(f"  covers {payout.covered.size:,} entries, sha256 {proof[:16]}")
    _print_some("entries", [_leg_line(leg, plan.currency) for leg in legs])


def print_list(batches: Sequence[tuple["StoredBatch", Sequence["PayoutsInState"]]]) -> None:
    """Print a line a batch, and one a state of its payouts."""
    for batch, states in batches:
        paid = sums_text(batch.counts["payouts"], batch.counts["amounts"])
        print(f"{format_to_second(batch.proposed_at)}  {batch.status:9}  {batch.id}  {paid}")
        for state in states:
            amount = decimal_text(state.amount_minor, state.currency)
            print(f"    {state.status:11} {state.payouts:>8,} {amount:>16} {state.currency}")
    print(f"{len(batches):,} batch{'' if len(batches) == 1 else 'es'}")


def _print_head(body: Mapping[str, Any]) -> None:
    """What a batch comes to, and who gets none."""
    print(f"payout batch {body['batch']} as of {body['as_of']}: {body['state']}")
    print(f"  {sums_text(body['payouts'], body['amounts'])}, plan {body['plan_sha256'][:16]}")
    for skip in body["skipped"]:
        amount = decimal_text(skip["amount_minor"], skip["currency"])
        why = MEANING.get(skip["reason"], skip["reason"])
        print(f"  not paid, {skip['reason']}: {skip['parties']:,} parties, {amount} {skip['currency']} ({why})")
        for party, minor in skip["greatest"][:3]:
            print(f"    {party:24} {decimal_text(minor, skip['currency']):>14} {skip['currency']}")


def _print_some(title: str, lines: Sequence[str]) -> None:
    """The first lines, and how many more there are."""
    if lines:
        print(f"  {title}:")
    for line in lines[:_SHOWN]:
        print(f"    {line}")
    if len(lines) > _SHOWN:
        print(f"    and {len(lines) - _SHOWN:,} more: --json names all")


def _payout_body(payout: "StoredPayout") -> dict[str, Any]:
    plan, covered = payout.plan, payout.covered
    return {
        "payout": payout.id, "batch": payout.batch, "party": plan.party, "currency": plan.currency,
        "amount_minor": plan.amount_minor, "withheld_minor": plan.withheld.amount_minor,
        "authority": plan.withheld.authority, "rail": plan.payee.rail, "ref": plan.payee.ref,
        "status": payout.status, "refused": payout.is_refused, "entries": covered.size,
        "entries_sha256": covered.sha256.hex(),
    }  # fmt: skip


def _payout_line(payout: "StoredPayout") -> str:
    plan = payout.plan
    amount = decimal_text(plan.amount_minor, plan.currency)
    held = ", held until released" if payout.is_refused else ""
    return f"{payout.id}  {plan.party:24} {amount:>14} {plan.currency}  {plan.payee.rail}, {payout.status}{held}"


def _net_line(net: "BatchNet") -> str:
    moves = {name: amount for name, amount in net.net._asdict().items() if amount}
    words = ", ".join(f"{name} {decimal_text(amount, net.currency)}" for name, amount in moves.items())
    return f"{net.party:24} {net.currency}  {words}"


def _leg_line(leg: "CoveredLeg", currency: str) -> str:
    line = "" if leg.order_id is None else f"  {leg.order_id}/{leg.line_id}"
    amount = decimal_text(-leg.amount_minor, currency)
    return f"{leg.entry_id:>12}  {format_to_second(leg.effective_at)}  {leg.kind:24} {amount:>14}{line}"
