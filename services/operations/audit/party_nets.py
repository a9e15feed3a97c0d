"""What a run nets, holds and releases of each party, from what the party has and owes at the run's point."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from services.kernel.time import DAY
from services.operations.audit.content_fees import AccountOf
from services.operations.audit.registry_view import MILLION, HouseRules

PartyMoney = tuple[str, str]
"""Party (`ROLE:ID`), currency."""


class PartyNet(NamedTuple):
    """A row of the plan: what is settled for a party, what of it is a reserve until when, and what moves."""

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
    """By party and currency: payable and held as credits, clawback and write-offs as debits, at the run's point.

    `from_lines` is what of the clawback comes from lines and fees that lost worth after they were settled.
    """

    payable: Counter[PartyMoney]
    held: Counter[PartyMoney]
    clawback: Counter[PartyMoney]
    written_off: Counter[PartyMoney]
    from_lines: Counter[PartyMoney]


class NetBook:
    """What earlier runs netted and reserved."""

    def __init__(self) -> None:
        self._netted: Counter[PartyMoney] = Counter()
        self._reserves: list[tuple[PartyMoney, int, int]] = []

    def plan(
        self,
        as_of: int,
        house: HouseRules,
        balances: PartyBalances,
        settled: Mapping[PartyMoney, int],
        on_hold: Mapping[PartyMoney, int],
        owners_on_hold: frozenset[str],
    ) -> list[PartyNet]:
        """The nets of a run, remembered for later ones.

        Args:
            as_of: the run's moment, microseconds.
            house: our settings then.
            balances: before the run.
            settled: what the run settles.
            on_hold: min(S, T) of lines in an open dispute or hold.
            owners_on_hold: parties whose whole money is kept back.
        """
        reserved: Counter[PartyMoney] = Counter()
        for key, minor, ends in self._reserves:
            if ends > as_of:
                reserved[key] += minor
        concerned = {*settled, *reserved, *on_hold}
        concerned |= {key for of in (balances.clawback, balances.held) for key, amount in of.items() if amount}
        nets = []
        for key in sorted(concerned):
            reserve = settled.get(key, 0) * house.reserve_ppm // MILLION if house.reserve_days else 0
            until = as_of + house.reserve_days * DAY if reserve else None
            kept_back = None if key[0] in owners_on_hold else reserved[key] + reserve + on_hold.get(key, 0)
            moves = self._net(key, balances, settled.get(key, 0), kept_back, house.netting_share_ppm)
            net = PartyNet(*key, settled.get(key, 0), reserve, until, *moves)
            if net.settled_minor or any(moves):
                nets.append(net)
                self._netted[key] += net.netted_payable + net.netted_held
                if until is not None:
                    self._reserves.append((key, reserve, until))
        return nets

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
        netted, unpaid = self._netted[key], balances.from_lines[key]
        allowed = unpaid + (payable + held + netted - unpaid) * share_ppm // MILLION - netted
        if share_ppm == MILLION:
            allowed = payable + held
        taken = max(0, min(clawback, payable + held, allowed))
        from_payable = min(taken, payable)
        payable, held = payable - from_payable, held - (taken - from_payable)
        # what is held
        wanted = payable + held if kept_back is None else min(payable + held, kept_back)
        return written_back, released, from_payable, taken - from_payable, wanted - held
