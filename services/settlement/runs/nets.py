"""Each party's money brought to target, in the snapshot of the run."""

from collections import Counter
from collections.abc import Iterable, Mapping

from services.settlement.books.run_ports import InCurrency, PartyBalance, RunSnapshot
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.house import House
from services.settlement.domain.settling.candidates import OpenCases
from services.settlement.domain.settling.netting import NetInput, net_party, reserve_of
from services.settlement.domain.settling.place import owed_by
from services.settlement.domain.settling.plan_hash import PartyPlan


def plan_parties(
    snapshot: RunSnapshot, as_of: int, cases: OpenCases, house: House, settled: Mapping[InCurrency, int]
) -> list[PartyPlan]:
    """What the run nets and holds of each party that something is settled for, that owes, or whose money is held.

    Args:
        snapshot: of the run.
        as_of: the moment of the run, microseconds.
        cases: open disputes and holds.
        house: the settings at that moment.
        settled: what the run settles, by party and currency.
    """
    reserves = snapshot.reserves(as_of)
    owners = snapshot.held_owners()
    on_hold = _on_hold(snapshot.settled_lines_of([*cases.disputes, *cases.holds], cases.content_holds))
    plans = []
    for balance in sorted(snapshot.balances_of({*settled, *reserves, *on_hold}, owners)):
        key = balance.party, balance.currency
        new = reserve_of(settled.get(key, 0), house, as_of)
        kept = NetInput(
            payable=balance.payable + settled.get(key, 0),
            held=balance.held,
            clawback=balance.clawback,
            written_off=balance.written_off,
            reserve=reserves.get(key, 0) + new.amount_minor,
            on_hold=on_hold.get(key, 0),
            whole_owner_on_hold=balance.party in owners,
            netted_since=snapshot.netted_since(key) if _is_shared(balance, house) else 0,
            clawed_back_unpaid=snapshot.clawed_back_unpaid(key) if _is_shared(balance, house) else 0,
            share_ppm=house.netting_share_ppm,
        )
        plan = PartyPlan(*key, settled.get(key, 0), new, net_party(kept))
        if plan.settled_minor or any(plan.net):
            plans.append(plan)
    return plans


def _is_shared(balance: PartyBalance, house: House) -> bool:
    """Whether older debts may take a share only, so that it matters how old a debt is."""
    return balance.clawback > 0 and house.netting_share_ppm < 1_000_000


def _on_hold(lines: Iterable[Line]) -> Counter[InCurrency]:
    """What of settled lines in an open hold or dispute is still owed: min(S, T) by party and currency."""
    kept: Counter[InCurrency] = Counter()
    for line in lines:
        owed = owed_by(line.booked, line.settled)
        for claimant, amount in line.settled.items():
            if claimant != "platform":
                kept[claimant, line.currency] += min(amount, owed.get(claimant, 0))
    return kept
