"""What a run or a proposal nets, holds and releases of each party, from what the party has and owes at its point."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from services.kernel.time import DAY
from services.operations.audit.content_fees import AccountOf
from services.operations.audit.registry_view import MILLION, HouseRules

PartyMoney = tuple[str, str]
"""Party (`ROLE:ID`), currency."""


class PartyNet(NamedTuple):
    """A row of a plan: what a run settles for a party, what of it is a reserve until when, and what moves."""

    party: str
    currency: str
    settled_minor: int
    reserve_minor: int
    reserve_until: int | None
    written_back: int
    released: int
    netted_payable: int
    netted_held: int
    held_delta: int

    @property
    def amounts(self) -> tuple[int, int, int, int, int]:
        """What moves."""
        return self[5:]

    def moves(self) -> Counter[AccountOf]:
        """The accounts that it changes."""
        payable, held = f"{self.party}:payable", f"{self.party}:held"
        clawback, lost = f"clawback:{self.party}", f"writeoff:{self.party}"
        pairs = (
            (clawback, lost, self.written_back),
            (clawback, payable, self.released),
            (payable, clawback, self.netted_payable),
            (held, clawback, self.netted_held),
            (payable, held, self.held_delta),
        )
        found: Counter[AccountOf] = Counter()
        for debit, credit, amount in pairs:
            found[debit, self.currency] += amount
            found[credit, self.currency] -= amount
        return found


class PartyBalances(NamedTuple):
    """By party and currency: payable and held as credits, clawback and write-offs as debits, at the plan's point.

    `from_lines` is what of the clawback comes from lines and fees that no payout took before they lost worth.
    `refused` came back from the bank, and nobody has looked at it.
    """

    payable: Counter[PartyMoney]
    held: Counter[PartyMoney]
    clawback: Counter[PartyMoney]
    written_off: Counter[PartyMoney]
    from_lines: Counter[PartyMoney]
    refused: Counter[PartyMoney]


class NetOccasion(NamedTuple):
    """When a plan nets, under which settings.

    Args:
        number: of the decision among runs and proposals.
        as_of: its moment, microseconds.
        house: our settings then.
        owners_on_hold: parties whose whole money is kept back.
    """

    number: int
    as_of: int
    house: HouseRules
    owners_on_hold: frozenset[str]


class NetOutcome(NamedTuple):
    """A party's net, and what is payable and held after it."""

    net: PartyNet
    payable_minor: int
    held_minor: int


class NetBook:
    """What earlier runs and proposals netted and reserved.

    Args:
        last_payout: the number of the proposal of a party's last payout that was not cancelled; 0 = there is none.
    """

    def __init__(self, last_payout: Callable[[PartyMoney], int]) -> None:
        self._last_payout = last_payout
        self._netted: dict[PartyMoney, list[tuple[int, int]]] = {}
        self._reserves: list[tuple[PartyMoney, int, int]] = []

    def plan(
        self,
        occasion: NetOccasion,
        balances: PartyBalances,
        settled: Mapping[PartyMoney, int],
        on_hold: Mapping[PartyMoney, int],
        also: Collection[PartyMoney] = (),
    ) -> list[NetOutcome]:
        """The nets of a run or a proposal, in order, remembered for later ones.

        Args:
            occasion: of the plan.
            balances: before it.
            settled: what a run settles; a proposal settles nothing.
            on_hold: min(S, T) of unpaid lines in an open dispute or hold.
            also: further parties.
        """
        as_of, house, owners = occasion.as_of, occasion.house, occasion.owners_on_hold
        reserved: Counter[PartyMoney] = Counter()
        for key, minor, ends in self._reserves:
            if ends > as_of:
                reserved[key] += minor
        concerned = {*settled, *reserved, *on_hold, *also}
        concerned |= {key for of in (balances.clawback, balances.held) for key, amount in of.items() if amount}
        concerned |= {key for key, amount in balances.payable.items() if amount and key[0] in owners}
        outcomes = []
        for key in sorted(concerned):
            reserve = settled.get(key, 0) * house.reserve_ppm // MILLION if house.reserve_days else 0
            until = as_of + house.reserve_days * DAY if reserve else None
            wanted = reserved[key] + reserve + balances.refused[key] + on_hold.get(key, 0)
            kept_back = None if key[0] in owners else wanted
            moves = self._net(key, balances, settled.get(key, 0), kept_back, house.netting_share_ppm)
            net = PartyNet(*key, settled.get(key, 0), reserve, until, *moves)
            self._remember(occasion.number, net)
            payable = balances.payable[key] + net.settled_minor + net.released - net.netted_payable - net.held_delta
            outcomes.append(NetOutcome(net, payable, balances.held[key] - net.netted_held + net.held_delta))
        return outcomes

    def _remember(self, number: int, net: PartyNet) -> None:
        key = net.party, net.currency
        if netted := net.netted_payable + net.netted_held:
            self._netted.setdefault(key, []).append((number, netted))
        if net.reserve_until is not None:
            self._reserves.append((key, net.reserve_minor, net.reserve_until))

    def _netted_since_payout(self, key: PartyMoney) -> int:
        last = self._last_payout(key)
        return sum(netted for number, netted in self._netted.get(key, ()) if number > last)

    def _net(
        self, key: PartyMoney, balances: PartyBalances, settled: int, kept_back: int | None, share_ppm: int
    ) -> tuple[int, int, int, int, int]:
        """Written back, released, netted from payable, netted from held, change of held."""
        payable, held, clawback = balances.payable[key] + settled, balances.held[key], balances.clawback[key]
        # what came back
        credit = max(0, -clawback)
        written_back = min(credit, max(0, balances.written_off[key]))
        released = credit - written_back
        payable += released
        # what is owed: of unpaid lines whole, of older debts the share
        netted, unpaid = self._netted_since_payout(key), balances.from_lines[key]
        allowed = unpaid + (payable + held + netted - unpaid) * share_ppm // MILLION - netted
        if share_ppm == MILLION:
            allowed = payable + held
        taken = max(0, min(clawback, payable + held, allowed))
        from_payable = min(taken, payable)
        payable, held = payable - from_payable, held - (taken - from_payable)
        # what is held
        wanted = payable + held if kept_back is None else min(payable + held, kept_back)
        return written_back, released, from_payable, taken - from_payable, wanted - held
