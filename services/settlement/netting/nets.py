"""Each party's money brought to target, in the snapshot of a run or of a proposal."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.kernel.identifiers import line_key
from services.kernel.money import MILLION
from services.settlement.books.net_ports import Claim, InCurrency, NetSnapshot, PartyBalance
from services.settlement.domain.book.chart import OURSELVES
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.house import House
from services.settlement.domain.settling.netting import NetInput, NetResult, Reserve, net_party, reserve_of
from services.settlement.domain.settling.place import owed_by


class PlannedNet(NamedTuple):
    """A party's net: what a run settles for it and keeps back of that, what it has, and what moves.

    `kept` are its lines in an open hold or dispute: what is settled of them is held.
    """

    party: str
    currency: str
    settled_minor: int
    reserve: Reserve
    given: NetInput
    net: NetResult
    kept: Sequence[str]


def plan_nets(
    snapshot: NetSnapshot,
    as_of: int,
    house: House,
    settled: Mapping[InCurrency, int],
    also: Collection[InCurrency] = (),
) -> Iterator[PlannedNet]:
    """The nets of all parties that something is settled for, that owe, or whose money is held, in order.

    Args:
        snapshot: of the run or the proposal.
        as_of: its moment, microseconds.
        house: the settings at that moment.
        settled: what a run settles, by party and currency; a proposal settles nothing.
        also: further parties.
    """
    reserves, refused = snapshot.reserves(as_of), snapshot.refused()
    owners, on_hold = snapshot.held_owners(), _on_hold(snapshot)
    held_back = _by_party(on_hold)
    balances = sorted(snapshot.balances_of({*settled, *reserves, *held_back, *also}, owners))
    netted, clawed_back = _older_debts(snapshot, balances, house)
    for balance in balances:
        key = balance.party, balance.currency
        new, kept = reserve_of(settled.get(key, 0), house, as_of), held_back.get(key, ())
        given = NetInput(
            payable=balance.payable + settled.get(key, 0),
            held=balance.held,
            clawback=balance.clawback,
            written_off=balance.written_off,
            reserve=reserves.get(key, 0) + new.amount_minor,
            on_hold=sum(on_hold[claim] for claim in kept),
            refused=refused.get(key, 0),
            whole_owner_on_hold=balance.party in owners,
            netted_since=netted.get(key, 0),
            clawed_back_unpaid=max(0, clawed_back.get(key, 0)),
            share_ppm=house.netting_share_ppm,
        )
        lines = sorted(claim.subject for claim in kept)
        yield PlannedNet(*key, settled.get(key, 0), new, given, net_party(given), lines)


def _older_debts(
    snapshot: NetSnapshot, balances: Iterable[PartyBalance], house: House
) -> tuple[Mapping[InCurrency, int], Mapping[InCurrency, int]]:
    """What was netted since the last payouts, and what is clawed back of unpaid lines.

    It matters where a party owes and older debts may take a share only; else nothing is read.
    """
    in_debt = [(one.party, one.currency) for one in balances if one.clawback > 0]
    if not in_debt or house.netting_share_ppm == MILLION:
        return {}, {}
    claims = snapshot.clawed_back(in_debt)
    unpaid = snapshot.unpaid(claims)
    sums: Counter[InCurrency] = Counter()
    for claim, amount in claims.items():
        if claim in unpaid:
            sums[claim.party, claim.currency] += amount
    return snapshot.netted_since(in_debt), sums


def _on_hold(snapshot: NetSnapshot) -> dict[Claim, int]:
    """What of settled, unpaid lines in an open hold or dispute is still owed: min(S, T)."""
    cases = snapshot.open_cases()
    claims: dict[Claim, int] = {}
    for line in snapshot.settled_lines_of([*cases.disputes, *cases.holds], cases.content_holds):
        claims.update(_claims(line))
    unpaid = snapshot.unpaid(claims)
    return {claim: amount for claim, amount in claims.items() if claim in unpaid}


def _by_party(claims: Iterable[Claim]) -> dict[InCurrency, list[Claim]]:
    """Claims of each party in each currency."""
    found: dict[InCurrency, list[Claim]] = {}
    for claim in claims:
        found.setdefault((claim.party, claim.currency), []).append(claim)
    return found


def _claims(line: Line) -> Iterator[tuple[Claim, int]]:
    """What each party is settled of a line and still owed."""
    owed = owed_by(line.booked, line.settled)
    for claimant, amount in line.settled.items():
        if claimant != OURSELVES:
            yield Claim(claimant, line.currency, line_key(*line.key)), min(amount, owed.get(claimant, 0))
