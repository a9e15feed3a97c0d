"""What a run reads, on books in memory."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from schemas.topics import CREDITS
from services.kernel.time import format_rfc3339
from services.settlement.books.journal_rows import JournalRow
from services.settlement.books.memory_snapshot import MemorySnapshot
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_ports import (
    BudgetLine,
    DueLine,
    FeeBooked,
    InCurrency,
    PartyBalance,
    RunPoint,
    RunSnapshot,
)
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.candidates import OpenCases, cases_of
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION
from services.settlement.domain.settling.facts import BUDGET, Hold, budget_of, open_disputes, open_holds
from services.settlement.domain.settling.granting import BonusSlot
from services.settlement.domain.settling.netting import EARNINGS
from services.settlement.domain.settling.tiers import TierCounter

_DAY = len("2026-11-01")


class MemoryRunSnapshot(RunSnapshot):
    """`RunSnapshot` on a state that nobody changes any more."""

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
            0,
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

    def due_lines(self, as_of: int) -> Iterator[DueLine]:
        """Each line once that waits and that a hint of a day up to `as_of` names."""
        day = format_rfc3339(as_of)[:_DAY]
        for key in dict.fromkeys(key for _, on, key in self._state.due if on <= day):
            if self._state.lines[key].settle_at is not None:
                yield self._due(key)

    def _due(self, key: Key) -> DueLine:
        line, kept = self._state.lines[key], self._state.kept[key]
        return DueLine(replace(line, booked=dict(line.booked), settled=dict(line.settled)), kept.position, kept.raw)

    def tier_counters(self) -> dict[TierCounter, int]:
        """What earlier runs counted."""
        return dict(self._state.counters)

    def taken_slots(self, wanted: Collection[BonusSlot]) -> set[BonusSlot]:
        """Those of these slots whose bonus is taken."""
        return {slot for slot in wanted if slot in self._state.slots}

    def budgets(self) -> dict[BudgetKey, tuple[int, int]]:
        """(limit, committed) of each budget that was ever set."""
        limits = [budget_of(event.body) for event in self._state.standing(BUDGET).values()]
        return {
            BudgetKey(one.campaign_id, one.currency): (
                one.amount_minor,
                self._balance(chart.budget_committed(one.campaign_id), one.currency),
            )
            for one in limits
        }

    def _balance(self, key: str, currency: str) -> int:
        return self._state.balances.get(self._state.accounts.get((key, currency), 0), (0, 0))[0]

    def budget_worth(self) -> dict[BudgetKey, int]:
        """What each budget's lines take, as worked out last."""
        worth: Counter[BudgetKey] = Counter()
        for (budget, _), stored in self._state.budget_lines.items():
            worth[budget] += stored.charged_minor
        return dict(worth)

    def changed_budget_lines(self) -> Iterator[tuple[BudgetKey, BudgetLine, DueLine]]:
        """Lines with a grant of a budget whose vector, standing or denial changed since that was worked out."""
        for (budget, key), stored in self._state.budget_lines.items():
            line = self._state.lines[key]
            worthless = not line.standing or self._reference.is_denied(*key[:2])
            if (line.vector, worthless) != stored[1:]:
                yield budget, stored, self._due(key)

    def script_fees(self) -> Iterator[FeeBooked]:
        """All that are booked or settled."""
        for (kind, content_id, currency), position in self._state.contents.items():
            if kind == SCRIPT_FEE_POSITION:
                yield FeeBooked(content_id, currency, dict(position.booked), dict(position.settled))

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

    def netted_since(self, party: InCurrency) -> int:
        """What was ever netted of a party's money."""
        netted = Kind.CLAWBACK_NETTED.code
        return -sum(amount for row, amount in self._clawback_legs(party) if row.kind == netted)

    def clawed_back_unpaid(self, party: InCurrency) -> int:
        """What is clawed back of all lines and script fees."""
        codes = {kind.code for kind in EARNINGS}
        return max(0, sum(amount for row, amount in self._clawback_legs(party) if row.kind in codes))

    def _clawback_legs(self, party: InCurrency) -> list[tuple[JournalRow, int]]:
        account = self._state.accounts.get((chart.clawback(party[0]), party[1]))
        legs = self._state.party_legs.items()
        return [(self._state.journal[writer, seq], amount) for (of, writer, seq), (amount, _) in legs if of == account]

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
