"""Why what is settled of a line is in no payout yet: what a proposal would decide now for each of its parties."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection

from services.console.parties.answer import PartyAnswer
from services.console.story.people import claimant_name, claimant_rank
from services.console.values import path
from services.kernel.time import to_micros
from services.operations.explain.explain import LineExplanation
from services.runtime.settings import settings
from services.settlement.books.lookups.party import party_money
from services.settlement.books.lookups.party_snapshot import PartySnapshot
from services.settlement.payouts.forecast import next_payouts


class WaitingParty(NamedTuple):
    """A party that waits for a payout: its name, its page, and what is said of its money as a whole."""

    name: str
    href: str
    sentences: Sequence[str]


def unpaid_parties(one: LineExplanation) -> list[str]:
    """Parties for whom something of the line is settled and in no payout, the KOC first."""
    waiting = [
        claimant.claimant
        for claimant in one.settling.claimants
        if any(payout.payout is None for payout in claimant.payouts)
    ]
    return sorted(waiting, key=claimant_rank)


def waiting_parties(connection: Connection, parties: Sequence[str], currency: str) -> list[WaitingParty]:
    """What a proposal of payouts would decide now.

    Args:
        connection: REPEATABLE READ.
        parties: ROLE:ID.
        currency: of the line.
    """
    now = to_micros(datetime.now(UTC))
    zone_minutes = settings().settlement_zone_minutes
    found = []
    for party in parties:
        nexts = {one.currency: one for one in next_payouts(PartySnapshot(connection, party), now, zone_minutes)}
        money = next((one for one in party_money(connection, party) if one.currency == currency), None)
        said = PartyAnswer(money, nexts.get(currency), None, 0).sentences if money else []
        found.append(WaitingParty(claimant_name(party), path("party", party), said))
    return found
