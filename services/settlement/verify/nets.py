"""The last net worked out again: what each party had at the run's point, and what of it was netted and held.

Everything is taken from the journal's rows up to the point and from the facts up to it, none from a balance.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.kernel.identifiers import line_key
from services.kernel.money import MILLION
from services.settlement.books.journal_rows import JournalRow, Names, line_of
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_records_port import SettledLine
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Key
from services.settlement.domain.pricing.house import House
from services.settlement.domain.settling.candidates import cases_of
from services.settlement.domain.settling.facts import open_disputes, open_holds
from services.settlement.domain.settling.netting import EARNINGS, NO_RESERVE, NetInput, Reserve, net_party, reserve_of
from services.settlement.domain.settling.place import owed_by
from services.settlement.domain.settling.plan_hash import PartyPlan
from services.settlement.domain.settling.shares import Shares
from services.settlement.verify.findings import Difference
from services.settlement.verify.past_payouts import PastPayouts

_EARNINGS = frozenset(kind.code for kind in EARNINGS)
_SETTLED = frozenset({Kind.COMMISSION_SETTLED.code, Kind.SCRIPT_FEE_SETTLED.code})
_CAME_BACK = frozenset({Kind.PAYOUT_REJECTED.code, Kind.PAYOUT_RETURNED.code})
_InCurrency = tuple[str, str]
"""Party (`ROLE:ID`) and currency."""
_Claim = tuple[str, str, str]
"""Party, currency, and the line or content."""


class LastNet(NamedTuple):
    """The net that is worked out again: of a run, or of a proposal of payouts.

    Attributes:
        name: for a person.
        as_of: its moment, microseconds.
        point: how far its snapshot was.
        runs: ids of the runs before it.
        payouts: as they stood at the point.
        house: the settings at its moment, as of its point.
        is_run: a proposal keeps nothing in reserve and settles nothing.
    """

    name: str
    as_of: int
    point: RunPoint
    runs: frozenset[str]
    payouts: PastPayouts
    house: House
    is_run: bool


class NetCheck:
    """Takes all settled lines, then all journal rows; knows then what the last net must have been.

    Args:
        last: the net.
        events: every version of the events of disputes and holds.
    """

    def __init__(self, last: LastNet, events: Sequence[ReferenceEvent]) -> None:
        self._last = last
        known = [event for event in events if event.position < last.point.registry]
        holds = open_holds(known)
        self._cases = cases_of(open_disputes(known), holds)
        self._held_owners = {hold.owner for hold in holds}
        self._kept: dict[Key, tuple[str, Shares]] = {}
        self._positions: dict[Key, Counter[str]] = {}
        self._balances: Counter[tuple[str, str]] = Counter()
        self._netted: Counter[_InCurrency] = Counter()
        self._clawed_back: Counter[_Claim] = Counter()
        self._unpaid: set[_Claim] = set()
        self._came_back: dict[str, int] = {}

    def settled_line(self, one: SettledLine) -> None:
        """A line: whether the net had to hold what earlier runs settled of it."""
        before = [plan for plan in one.plans if plan.run in self._last.runs]
        if before and one.line is not None and self._is_open(one.key, before[-1].plan.settled, one):
            self._kept[one.key] = one.line.currency, before[-1].plan.settled
            self._positions[one.key] = Counter()

    def _is_open(self, key: Key, settled: Shares, one: SettledLine) -> bool:
        """Whether an open dispute or hold is about it: its order, itself, or a content that it was settled for."""
        if not settled:
            return False
        about = self._cases.disputes | self._cases.holds
        if (key[0], None) in about or key[:2] in about:
            return True
        contents = {part.content_id for run, plan, _ in one.plans if run in self._last.runs for part in plan.parts}
        return not contents.isdisjoint(self._cases.content_holds)

    def watched(self, rows: Iterable[JournalRow], names: Names) -> Iterator[JournalRow]:
        """The rows as they come; those up to the net's point are added up."""
        seqs = dict(enumerate(self._last.point.seqs))
        for row in rows:
            if row.seq <= seqs.get(row.writer, 0):
                self._add(row, names)
            yield row

    def _add(self, row: JournalRow, names: Names) -> None:
        position = None if row.order_id is None or not self._kept else self._positions.get(line_of(row))
        if row.kind in _CAME_BACK:
            self._came_back[row.idem_key.split("|")[1]] = row.seq
        for account, amount in zip(row.accounts, row.amounts, strict=False):
            key, _ = names.get(account, ("", ""))
            if position is not None:
                position[key] += amount
            if not (chart.is_of_a_party(key) or key.startswith("writeoff:")):
                continue
            self._balances[key, row.currency] += amount
            self._add_debt(row, key, amount, is_kept=position is not None)

    def _add_debt(self, row: JournalRow, key: str, amount: int, *, is_kept: bool) -> None:
        """What a leg says of older debts: where they are taken whole, only what cases hold back matters."""
        is_shared = self._last.house.netting_share_ppm != MILLION
        party = chart.party_of(key), row.currency
        if key.startswith("clawback:"):
            if is_shared and row.kind in _EARNINGS:
                self._clawed_back[(*party, _subject_of(row))] += amount
        elif not self._last.payouts.is_since(party, row.writer, row.seq):
            return
        elif row.kind == Kind.CLAWBACK_NETTED.code:
            self._netted[party] += amount
        elif row.kind in _SETTLED and (is_shared or is_kept):
            self._unpaid.add((*party, _subject_of(row)))

    def end(
        self,
        raised: Mapping[_InCurrency, int],
        plans: Iterable[PartyPlan],
        earlier: Iterable[PartyPlan],
    ) -> Iterator[Difference]:
        """The nets that are stored, against those that had to be.

        Args:
            raised: what the run settled, by claimant and currency; nothing where it is a proposal.
            plans: its own; a proposal's keep no reserve.
            earlier: those of the runs before it.
        """
        reserves, on_hold = self._reserves(earlier), self._on_hold()
        refused = self._last.payouts.held(self._came_back)
        stored = {(plan.party, plan.currency): plan for plan in plans}
        settled = {name: amount for name, amount in raised.items() if name[0] != chart.OURSELVES and amount}
        for name in sorted({*stored, *settled, *reserves, *on_hold, *refused, *self._in_debt_or_on_hold()}):
            given = self._given(name, settled.get(name, 0), reserves[name])
            given = given._replace(on_hold=on_hold[name], refused=refused[name])
            derived = self._party(name, settled.get(name, 0), given)
            if stored.get(name) != derived:
                where = f"net of {self._last.name}, {' '.join(name)}"
                yield Difference("net", where, str(stored.get(name)), str(derived))

    def _given(self, name: _InCurrency, settled: int, reserved: int) -> NetInput:
        """What a party had and owed, but for what is held."""
        party, currency = name
        clawback = chart.clawback(party)
        unpaid = sum(
            amount for claim, amount in self._clawed_back.items() if claim[:2] == name and self._is_unpaid(claim)
        )
        return NetInput(
            payable=settled - self._balances[chart.payable(party), currency],
            held=-self._balances[chart.held(party), currency],
            clawback=self._balances[clawback, currency],
            written_off=self._balances[chart.write_off(party), currency],
            reserve=reserved + self._reserve(settled).amount_minor,
            whole_owner_on_hold=party in self._held_owners,
            netted_since=self._netted[name],
            clawed_back_unpaid=max(0, unpaid),
            share_ppm=self._last.house.netting_share_ppm,
        )

    def _reserve(self, settled: int) -> Reserve:
        """What a run keeps back of what it settles."""
        return reserve_of(settled, self._last.house, self._last.as_of) if self._last.is_run else NO_RESERVE

    def _party(self, name: _InCurrency, settled: int, given: NetInput) -> PartyPlan | None:
        """What had to be netted and held of a party; None = nothing was to be done."""
        plan = PartyPlan(*name, settled, self._reserve(settled), net_party(given))
        return plan if settled or any(plan.net) else None

    def _reserves(self, plans: Iterable[PartyPlan]) -> Counter[_InCurrency]:
        """Reserves of earlier runs whose days were not over."""
        kept: Counter[_InCurrency] = Counter()
        for plan in plans:
            if plan.reserve.until is not None and plan.reserve.until > self._last.as_of:
                kept[plan.party, plan.currency] += plan.reserve.amount_minor
        return kept

    def _on_hold(self) -> Counter[_InCurrency]:
        """min(S, T) of settled lines in an open case that no payout had taken."""
        kept: Counter[_InCurrency] = Counter()
        for key, (currency, settled) in self._kept.items():
            owed = owed_by({account: amount for account, amount in self._positions[key].items() if amount}, settled)
            for claimant, amount in settled.items():
                if self._is_unpaid((claimant, currency, line_key(*key))):
                    kept[claimant, currency] += min(amount, owed.get(claimant, 0))
        return kept

    def _is_unpaid(self, claim: _Claim) -> bool:
        """Whether no payout has taken it: it was settled since the last one, or that one left it held."""
        return claim in self._unpaid or claim[2] in self._last.payouts.left_held(claim[:2])

    def left_held(self, party: _InCurrency) -> list[str]:
        """The lines whose money a payout of this net had to leave held."""
        return sorted(
            line_key(*key)
            for key, (currency, settled) in self._kept.items()
            if currency == party[1] and party[0] in settled and self._is_unpaid((*party, line_key(*key)))
        )

    def _in_debt_or_on_hold(self) -> set[_InCurrency]:
        return {
            (chart.party_of(key), currency)
            for (key, currency), amount in self._balances.items()
            if amount
            and chart.is_of_a_party(key)
            and (not key.endswith(":payable") or chart.party_of(key) in self._held_owners)
        }


def _subject_of(row: JournalRow) -> str:
    """The content, or ORDER/LINE/BUYER, that a row of an earning is about."""
    return row.idem_key.split("|")[3] if row.order_id is None else line_key(*line_of(row))
