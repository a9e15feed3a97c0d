"""The last net worked out again: what each party had at the run's point, and what of it was netted and held.

Everything is taken from the journal's rows up to the point and from the facts up to it, none from a balance.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.settlement.books.journal_rows import JournalRow, Names, line_of
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_records_port import RunRecord, SettledLine
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Key
from services.settlement.domain.pricing.house import House
from services.settlement.domain.settling.candidates import cases_of
from services.settlement.domain.settling.facts import open_disputes, open_holds
from services.settlement.domain.settling.netting import EARNINGS, NetInput, net_party, reserve_of
from services.settlement.domain.settling.place import owed_by
from services.settlement.domain.settling.plan_hash import PartyPlan
from services.settlement.domain.settling.shares import Shares
from services.settlement.verify.findings import Difference

_EARNINGS = frozenset(kind.code for kind in EARNINGS)
_InCurrency = tuple[str, str]
"""Party (`ROLE:ID`) and currency."""


class NetCheck:
    """Takes all settled lines, then all journal rows; knows then what the net of one run must have been.

    Args:
        run: the last one that is done.
        earlier: ids of the runs before it.
        events: every version of the events of disputes and holds.
        house: the settings at its moment, as of its point.
    """

    def __init__(self, run: RunRecord, earlier: Iterable[str], events: Sequence[ReferenceEvent], house: House) -> None:
        self._run, self._house = run, house
        self._earlier = frozenset(earlier)
        known = [event for event in events if event.position < run.point.registry]
        holds = open_holds(known)
        self._cases = cases_of(open_disputes(known), holds)
        self._held_owners = {hold.owner for hold in holds}
        self._kept: dict[Key, tuple[str, Shares]] = {}
        self._positions: dict[Key, Counter[str]] = {}
        self._balances: Counter[tuple[str, str]] = Counter()
        self._netted: Counter[tuple[str, str]] = Counter()
        self._clawed_back: Counter[tuple[str, str]] = Counter()

    def settled_line(self, one: SettledLine) -> None:
        """A line: whether the run had to hold what earlier runs settled of it."""
        before = [plan for plan in one.plans if plan.run in self._earlier]
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
        contents = {part.content_id for run, plan, _ in one.plans if run in self._earlier for part in plan.parts}
        return not contents.isdisjoint(self._cases.content_holds)

    def watched(self, rows: Iterable[JournalRow], names: Names) -> Iterator[JournalRow]:
        """The rows as they come; those up to the run's point are added up."""
        seqs = dict(enumerate(self._run.point.seqs))
        for row in rows:
            if row.seq <= seqs.get(row.writer, 0):
                self._add(row, names)
            yield row

    def _add(self, row: JournalRow, names: Names) -> None:
        position = None if row.order_id is None or not self._kept else self._positions.get(line_of(row))
        for account, amount in zip(row.accounts, row.amounts, strict=False):
            key, _ = names.get(account, ("", ""))
            if position is not None:
                position[key] += amount
            if not (chart.is_of_a_party(key) or key.startswith("writeoff:")):
                continue
            self._balances[key, row.currency] += amount
            if key.startswith("clawback:"):
                self._netted[key, row.currency] -= amount if row.kind == Kind.CLAWBACK_NETTED.code else 0
                self._clawed_back[key, row.currency] += amount if row.kind in _EARNINGS else 0

    def end(
        self, raised: Mapping[_InCurrency, int], plans: Iterable[PartyPlan], earlier: Iterable[PartyPlan]
    ) -> Iterator[Difference]:
        """The nets that the run planned, against those that it had to.

        Args:
            raised: what it settled, by claimant and currency.
            plans: its own.
            earlier: those of the runs before it.
        """
        reserves, on_hold = self._reserves(earlier), self._on_hold()
        stored = {(plan.party, plan.currency): plan for plan in plans}
        settled = {name: amount for name, amount in raised.items() if name[0] != chart.OURSELVES and amount}
        for name in sorted({*stored, *settled, *reserves, *on_hold, *self._in_debt_or_on_hold()}):
            derived = self._party(name, settled.get(name, 0), reserves[name], on_hold[name])
            if stored.get(name) != derived:
                where = f"net of run {self._run.run.id}, {' '.join(name)}"
                yield Difference("net", where, str(stored.get(name)), str(derived))

    def _party(self, name: _InCurrency, settled: int, reserved: int, on_hold: int) -> PartyPlan | None:
        """What the run had to net and hold of a party; None = nothing was to be done."""
        party, currency = name
        new = reserve_of(settled, self._house, self._run.run.as_of)
        clawback = chart.clawback(party)
        given = NetInput(
            payable=settled - self._balances[chart.payable(party), currency],
            held=-self._balances[chart.held(party), currency],
            clawback=self._balances[clawback, currency],
            written_off=self._balances[chart.write_off(party), currency],
            reserve=reserved + new.amount_minor,
            on_hold=on_hold,
            whole_owner_on_hold=party in self._held_owners,
            netted_since=self._netted[clawback, currency],
            clawed_back_unpaid=max(0, self._clawed_back[clawback, currency]),
            share_ppm=self._house.netting_share_ppm,
        )
        plan = PartyPlan(party, currency, settled, new, net_party(given))
        return plan if settled or any(plan.net) else None

    def _reserves(self, plans: Iterable[PartyPlan]) -> Counter[_InCurrency]:
        """Reserves of earlier runs whose days were not over."""
        kept: Counter[_InCurrency] = Counter()
        for plan in plans:
            if plan.reserve.until is not None and plan.reserve.until > self._run.run.as_of:
                kept[plan.party, plan.currency] += plan.reserve.amount_minor
        return kept

    def _on_hold(self) -> Counter[_InCurrency]:
        """min(S, T) of settled lines in an open case."""
        kept: Counter[_InCurrency] = Counter()
        for key, (currency, settled) in self._kept.items():
            owed = owed_by({account: amount for account, amount in self._positions[key].items() if amount}, settled)
            for claimant, amount in settled.items():
                if claimant != chart.OURSELVES:
                    kept[claimant, currency] += min(amount, owed.get(claimant, 0))
        return kept

    def _in_debt_or_on_hold(self) -> set[_InCurrency]:
        return {
            (chart.party_of(key), currency)
            for (key, currency), amount in self._balances.items()
            if amount
            and chart.is_of_a_party(key)
            and (not key.endswith(":payable") or chart.party_of(key) in self._held_owners)
        }
