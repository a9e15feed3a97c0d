"""What a party's net reads, on books in memory."""

from collections import Counter
from collections.abc import Collection, Iterator

from schemas.topics import CREDITS
from services.kernel.identifiers import line_key
from services.settlement.books.journal_rows import JournalRow, line_of
from services.settlement.books.memory_snapshot import MemorySnapshot
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.net_ports import Claim, InCurrency, NetSnapshot, PartyBalance, RunPoint
from services.settlement.books.payout_ports import StoredPayout
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.paying.entry_sets import Cut
from services.settlement.domain.paying.payees import PAYEE
from services.settlement.domain.paying.payouts import CANCELLED
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.candidates import OpenCases, cases_of
from services.settlement.domain.settling.facts import Hold, open_disputes, open_holds
from services.settlement.domain.settling.netting import EARNINGS

_SETTLED = {Kind.COMMISSION_SETTLED.code, Kind.SCRIPT_FEE_SETTLED.code}


class MemoryNetSnapshot(NetSnapshot):
    """`NetSnapshot` on a state that nobody changes any more."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self._reference = Reference()
        state.refresh(self._reference)

    def point(self) -> RunPoint:
        """How far it is."""
        writers = [writer for _, writer in sorted(self._state.writers.items())]
        of_credits = writers[: CREDITS.partitions]
        return RunPoint(
            max(writer.generation for writer in of_credits),
            [writer.next_offset for writer in of_credits],
            self._state.registry_offset,
            self._state.commands,
            [writer.last.seq for writer in writers],
        )

    def open_jobs(self) -> dict[int, list[int]]:
        """Partition -> reprice jobs with lines left in it."""
        return MemorySnapshot(self._state).open_jobs()

    def reference(self) -> Reference:
        """All that is known."""
        return self._reference

    def open_cases(self) -> OpenCases:
        """Disputes opened and not decided, and holds placed and not released."""
        return cases_of(open_disputes(self._facts()), self._holds())

    def held_owners(self) -> frozenset[str]:
        """Parties with an open hold on them."""
        return frozenset(hold.owner for hold in self._holds() if hold.owner is not None)

    def _holds(self) -> list[Hold]:
        return open_holds(self._facts())

    def _facts(self) -> list[ReferenceEvent]:
        return [event for versions in self._state.facts.values() for event, _ in versions]

    def balances_of(self, parties: Collection[InCurrency], owners: Collection[str]) -> list[PartyBalance]:
        """Of these, of these owners in every currency, and of every other party that owes or has held money."""
        wanted = set(parties)
        for (key, currency), number in self._state.accounts.items():
            if self._state.balances[number][0] and chart.is_of_a_party(key):
                party = chart.party_of(key)
                if party in owners or not key.endswith(":payable"):
                    wanted.add((party, currency))
        return [self._party(*one) for one in sorted(wanted)]

    def _party(self, party: str, currency: str) -> PartyBalance:
        keys = (chart.payable(party), chart.held(party), chart.clawback(party), chart.write_off(party))
        payable, held, clawback, written_off = (self._balance(key, currency) for key in keys)
        return PartyBalance(party, currency, -payable, -held, clawback, written_off)

    def reserves(self, as_of: int) -> dict[InCurrency, int]:
        """Reserves of earlier runs whose `until` is later than this."""
        kept: Counter[InCurrency] = Counter()
        for plan in (plan for plans in self._state.run_parties.values() for plan in plans):
            if plan.reserve.until is not None and plan.reserve.until > as_of:
                kept[plan.party, plan.currency] += plan.reserve.amount_minor
        return dict(kept)

    def _balance(self, key: str, currency: str) -> int:
        return self._state.balances.get(self._state.accounts.get((key, currency), 0), (0, 0))[0]

    def refused(self) -> dict[InCurrency, int]:
        """Payouts that came back, were not released, and whose party has not said since where it is paid."""
        kept: Counter[InCurrency] = Counter()
        payees = self._state.standing(PAYEE)
        for payout in self._state.payouts.values():
            newest = payees.get(payout.plan.party)
            if payout.is_refused and (newest is None or newest.position < (payout.refused_at or 0)):
                kept[payout.plan.party, payout.plan.currency] += payout.plan.amount_minor
        return dict(kept)

    def last_payout(self, party: InCurrency) -> StoredPayout | None:
        """A party's last payout; one that was cancelled is none."""
        own = [
            payout
            for payout in self._state.payouts.values()
            if (payout.plan.party, payout.plan.currency) == party and payout.status != CANCELLED
        ]
        return max(own, key=lambda payout: self._state.batches[payout.batch][0].cut[-1], default=None)

    def last_cut(self, party: InCurrency) -> Cut | None:
        """The cut of a party's last payout."""
        last = self.last_payout(party)
        return None if last is None else self._state.batches[last.batch][0].cut

    def netted_since(self, parties: Collection[InCurrency]) -> dict[InCurrency, int]:
        """What was netted of these parties' payable and held money since their last payout."""
        return {
            party: sum(
                amount
                for key in (chart.payable(party[0]), chart.held(party[0]))
                for row, amount in self.legs(key, party[1], self.last_cut(party))
                if row.kind == Kind.CLAWBACK_NETTED.code
            )
            for party in parties
        }

    def clawed_back(self, parties: Collection[InCurrency]) -> dict[Claim, int]:
        """What is clawed back of the lines and script fees of these parties."""
        codes, sums = {kind.code for kind in EARNINGS}, Counter[Claim]()
        for party, currency in parties:
            for row, amount in self.legs(chart.clawback(party), currency, None):
                if row.kind in codes:
                    sums[Claim(party, currency, _subject_of(row))] += amount
        return dict(sums)

    def unpaid(self, claims: Collection[Claim]) -> set[Claim]:
        """Those of these that are in no payout yet."""
        found = set()
        for party, currency in {(claim.party, claim.currency) for claim in claims}:
            last = self.last_payout((party, currency))
            found |= {Claim(party, currency, subject) for subject in (() if last is None else last.kept)}
            for row, _ in self.legs(chart.payable(party), currency, self.last_cut((party, currency))):
                if row.kind in _SETTLED:
                    found.add(Claim(party, currency, _subject_of(row)))
        return found & set(claims)

    def legs(self, key: str, currency: str, after: Cut | None) -> Iterator[tuple[JournalRow, int]]:
        """The legs of an account after a cut, with their rows, by writer and number."""
        account = self._state.accounts.get((key, currency))
        for (of, writer, seq), (amount, _) in sorted(self._state.party_legs.items()):
            if of == account and (after is None or seq > after[writer]):
                yield self._state.journal[writer, seq], amount

    def settled_lines_of(
        self, order_lines: Collection[tuple[str, str | None]], contents: Collection[str]
    ) -> list[Line]:
        """Lines with something settled of these orders, or that were settled for these contents."""
        settled = {key: line for key, line in self._state.lines.items() if line.settled}
        return [
            line
            for key, line in sorted(settled.items())
            if (key[0], None) in order_lines or key[:2] in order_lines or self._is_of(key, contents)
        ]

    def _is_of(self, key: Key, contents: Collection[str]) -> bool:
        """Whether a run settled the line for one of these contents."""
        plans = (self._state.run_lines.get((run, key)) for run in self._state.runs)
        return any(part.content_id in contents for plan in plans if plan is not None for part in plan.parts)


def _subject_of(row: JournalRow) -> str:
    """The content, or ORDER/LINE/BUYER, that a row of an earning is about."""
    return row.idem_key.split("|")[3] if row.order_id is None else line_key(*line_of(row))
