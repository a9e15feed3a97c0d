"""A party's money in one currency, brought to target: what came back, what it owes, what is held.

A net is a pure function of balances in one snapshot. It aims at a target, so a second net of the same books moves
nothing. Amounts are minor units and not negative unless a field says otherwise.
"""

from typing import NamedTuple

from services.kernel.money import MILLION, share
from services.kernel.time import DAY
from services.settlement.domain.book import chart
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.pricing.house import House
from services.settlement.domain.settling.transfers import Occasion, transfer

EARNINGS = tuple(kind for kind in Kind if kind.text.startswith(("commission.", "script_fee.")))
"""Entries of lines and script fees: what they claim back is netted whole, as long as no payout took what was settled.

Other debts, as paid traffic, are older ones.
"""


class NetInput(NamedTuple):
    """What a party has and owes at the snapshot.

    `payable` (P) and `held` (K) are credits; `payable` holds what this run settles too. `clawback` (C) is a debit,
    below zero where netted money came back. `written_off` is the balance of its write-offs. `reserve` is the sum of
    its reserves whose days are not over, `on_hold` of min(S, T) of its unpaid lines in an open hold or dispute,
    `refused` of its payouts that were rejected or returned and that nobody has looked at; `whole_owner_on_hold` keeps
    everything back. `netted_since` (N) was netted since its last payout;
    `clawed_back_unpaid` (X) is clawed back of lines and fees that no payout took yet. Of older debts a net takes at
    most `share_ppm` of what the party may get.
    """

    payable: int
    held: int
    clawback: int
    written_off: int = 0
    reserve: int = 0
    on_hold: int = 0
    whole_owner_on_hold: bool = False
    netted_since: int = 0
    clawed_back_unpaid: int = 0
    share_ppm: int = MILLION
    refused: int = 0


class NetResult(NamedTuple):
    """What moves: to write-offs, back to payable, from payable and held to what is owed, and into held.

    `held_delta` is below zero where money is released from held.
    """

    written_back: int
    released: int
    netted_payable: int
    netted_held: int
    held_delta: int


class Reserve(NamedTuple):
    """What a run keeps back of what it settled for a party, until a moment (microseconds); None = nothing."""

    amount_minor: int
    until: int | None


NO_RESERVE = Reserve(0, None)


def reserve_of(settled_minor: int, house: House, as_of: int) -> Reserve:
    """The reserve of a run as of that moment; it counts while its `until` is later than a net's moment."""
    kept = share(settled_minor, house.reserve_ppm)
    return Reserve(kept, as_of + house.reserve_days * DAY) if kept and house.reserve_days else NO_RESERVE


def net_party(party: NetInput) -> NetResult:
    """What a net moves. In this order: what came back, what is owed, what is held."""
    written_back, released = _came_back(party)
    payable, held = party.payable + released, party.held
    netted = _netted(party, payable + held)
    from_payable = min(netted, payable)
    payable, held = payable - from_payable, held - (netted - from_payable)
    wanted = party.reserve + party.refused + party.on_hold
    kept_back = payable + held if party.whole_owner_on_hold else min(payable + held, wanted)
    return NetResult(written_back, released, from_payable, netted - from_payable, kept_back - held)


def left_by(party: NetInput, net: NetResult) -> tuple[int, int]:
    """What is payable and what is held after a net."""
    payable = party.payable + net.released - net.netted_payable - net.held_delta
    return payable, party.held - net.netted_held + net.held_delta


def _came_back(party: NetInput) -> tuple[int, int]:
    """A clawback in credit: first what was written off is taken back, the rest is payable again."""
    credit = max(0, -party.clawback)
    written_back = min(credit, max(0, party.written_off))
    return written_back, credit - written_back


def _netted(party: NetInput, available: int) -> int:
    """What of the debt is taken: clawbacks of unpaid lines whole, of older debts the share.

    Args:
        party: as given.
        available: payable and held, after what came back.
    """
    netted, unpaid = party.netted_since, party.clawed_back_unpaid
    allowed = unpaid + share(available + netted - unpaid, party.share_ppm) - netted
    return max(0, min(party.clawback, available, allowed))


def net_rows(party: str, net: NetResult, occasion: Occasion) -> list[EntryDraft]:
    """The rows of a net of one party (`ROLE:ID`)."""
    payable, held, clawback = chart.payable(party), chart.held(party), chart.clawback(party)
    placed = Kind.HOLD_PLACED if net.held_delta > 0 else Kind.HOLD_RELEASED
    moves = (
        (Kind.CLAWBACK_WRITTEN_BACK, "written_back", clawback, chart.write_off(party), net.written_back),
        (Kind.CLAWBACK_RELEASED, "released", clawback, payable, net.released),
        (Kind.CLAWBACK_NETTED, "netted", payable, clawback, net.netted_payable),
        (Kind.CLAWBACK_NETTED, "netted_held", held, clawback, net.netted_held),
        (placed, "held", payable, held, net.held_delta),
    )
    return [
        row
        for kind, step, debit, credit, amount in moves
        for row in transfer(kind, step, debit, credit, amount, occasion)
    ]
