"""What a party would be paid if payouts were proposed now: by the rules of a proposal, and nothing is booked."""

from collections.abc import Sequence
from typing import NamedTuple

from services.settlement.books.payout_ports import PayoutSnapshot
from services.settlement.domain.paying.payouts import PayoutPlan, SkippedParty, decide_payout
from services.settlement.domain.paying.withholding import NO_TAX
from services.settlement.domain.settling.netting import NetInput, NetResult
from services.settlement.payouts.propose import netted_parties


class NextPayout(NamedTuple):
    """What a proposal decides for a party in one currency. Amounts are minor units.

    Attributes:
        given: what the party has and owes, and what of it must be held.
        net: what moves before anything is paid.
        payable_minor: what is payable after it.
        held_minor: what is held after it.
        minimum_minor: below it nothing is paid.
        decided: the payout without tax (NO_TAX), or why there is none; None = there is nothing to pay.
        kept: its lines in an open hold or dispute, as ORDER/LINE/BUYER.
    """

    party: str
    currency: str
    given: NetInput
    net: NetResult
    payable_minor: int
    held_minor: int
    minimum_minor: int
    decided: PayoutPlan | SkippedParty | None
    kept: Sequence[str]


def next_payouts(snapshot: PayoutSnapshot, as_of: int, zone_minutes: int) -> list[NextPayout]:
    """By currency, of every party that the snapshot has.

    Args:
        snapshot: of one party.
        as_of: the moment, microseconds.
        zone_minutes: the settlement zone, minutes east of UTC.
    """
    return [
        NextPayout(
            party.party,
            party.currency,
            net.given,
            net.net,
            party.payable_minor,
            party.held_minor,
            party.minimum_minor,
            decide_payout(party, NO_TAX),
            net.kept,
        )
        for net, party in netted_parties(snapshot, as_of, zone_minutes)
    ]
