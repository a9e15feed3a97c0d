"""Where a line's money lies: a function of what each claimant is owed now (T) and what runs have settled of it (S).

| | pending (platform: fee_deferred) | payable | clawback | fee + VAT | brand accrued | brand receivable |
|---|---|---|---|---|---|---|
| party | -(T-S)+ | -S | (S-T)+ | | (T-S)+ | min(S,T) |
| platform | -(T-S)+ | | | -min(S,T) | (T-S)+ | min(S,T) |

No balance has a part in it, so that no order in which changes arrive can show. docs/settlement.md has a worked order.
"""

from typing import NamedTuple

from services.kernel.money import MILLION
from services.settlement.domain.book import chart
from services.settlement.domain.book.positions import Position, difference
from services.settlement.domain.settling.shares import Shares


class SettledChange(NamedTuple):
    """The balanced rows into which a change of T falls apart, each perhaps empty; S stays.

    `clawed_back` is what T falls below S, `restored` what it rises again up to S, `pending` what moves above S.
    """

    pending: Position
    clawed_back: Position
    restored: Position


def owed_of(unsettled: Position) -> Shares:
    """T of a line whose position this would be if nothing of it were settled."""
    return {chart.claimant_of(account): -amount for account, amount in unsettled.items() if amount < 0}


def owed_by(position: Position, settled: Shares) -> Shares:
    """T of a position that f made of it and of S: what is pending, and what is settled and not claimed back."""
    owed = dict(settled)
    if chart.OURSELVES in settled:
        owed[chart.OURSELVES] = -position.get(chart.FEE, 0) - position.get(chart.VAT_OUTPUT, 0)
    for claimant in settled:
        if claimant != chart.OURSELVES:
            owed[claimant] -= position.get(chart.clawback(claimant), 0)
    for account, amount in position.items():
        if chart.is_pending(account):
            claimant = chart.claimant_of(account)
            owed[claimant] = owed.get(claimant, 0) - amount
    return {claimant: amount for claimant, amount in owed.items() if amount}


def vat_within(gross_minor: int, vat_ppm: int) -> int:
    """The VAT that an amount contains, rounded half up."""
    return (2 * gross_minor * vat_ppm + MILLION + vat_ppm) // (2 * (MILLION + vat_ppm))


def place(settled: Shares, owed: Shares, brand_id: str, vat_ppm: int) -> Position:
    """f(S, T): the line's position. `vat_ppm` is the rate within our fee."""
    return {**_pending(settled, owed, brand_id), **_settled(settled, owed, brand_id, vat_ppm)}


def change(settled: Shares, before: Shares, after: Shares, brand_id: str, vat_ppm: int) -> SettledChange:
    """f(S, after) - f(S, before), as rows that each add up to zero."""
    low = {one: min(before.get(one, 0), after.get(one, 0)) for one in {*before, *after}}
    at_before, at_low, at_after = (_settled(settled, owed, brand_id, vat_ppm) for owed in (before, low, after))
    pending = difference(_pending(settled, after, brand_id), _pending(settled, before, brand_id))
    return SettledChange(pending, difference(at_low, at_before), difference(at_after, at_low))


def _pending(settled: Shares, owed: Shares, brand_id: str) -> Position:
    """What is owed above what is settled: it waits for the next run."""
    position: Position = {}
    for claimant, amount in owed.items():
        if (above := amount - settled.get(claimant, 0)) > 0:
            position[chart.pending_of(claimant)] = -above
    if position:
        position[chart.brand_accrued(brand_id)] = -sum(position.values())
    return position


def _settled(settled: Shares, owed: Shares, brand_id: str, vat_ppm: int) -> Position:
    """What is settled: a party's stays payable, and what is no longer owed of it is claimed back."""
    position: Position = {}
    billed = 0
    for claimant, amount in settled.items():
        kept = min(amount, owed.get(claimant, 0))
        billed += kept
        if claimant == chart.OURSELVES:
            vat = vat_within(kept, vat_ppm)
            position[chart.FEE], position[chart.VAT_OUTPUT] = vat - kept, -vat
        else:
            position[chart.payable(claimant)], position[chart.clawback(claimant)] = -amount, amount - kept
    position[chart.brand_receivable(brand_id)] = billed
    return {account: amount for account, amount in position.items() if amount}
