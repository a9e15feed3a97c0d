"""What a run reads, on books in memory."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from services.kernel.time import format_rfc3339
from services.settlement.books.memory_net_snapshot import MemoryNetSnapshot
from services.settlement.books.run_ports import BudgetLine, DueLine, FeeBooked, RunSnapshot
from services.settlement.domain.book import chart
from services.settlement.domain.lines.line import Key
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION
from services.settlement.domain.settling.facts import BUDGET, budget_of
from services.settlement.domain.settling.granting import BonusSlot
from services.settlement.domain.settling.tiers import TierCounter

_DAY = len("2026-11-01")


class MemoryRunSnapshot(MemoryNetSnapshot, RunSnapshot):
    """`RunSnapshot` on a state that nobody changes any more."""

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
