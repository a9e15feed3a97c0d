"""What checkers read of runs, on books in memory."""

from collections.abc import Iterator

from schemas.topics import CREDITS
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_records_port import (
    BonusClaim,
    BudgetClaim,
    LineInRun,
    PartyLeg,
    RunPlan,
    RunRecord,
    RunRecords,
    SettledLine,
)
from services.settlement.domain.settling.facts import CASE_KINDS
from services.settlement.domain.settling.plan_hash import LinePlan


class MemoryRunRecords(RunRecords):
    """`RunRecords` on a state that nobody changes any more."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    def runs(self) -> list[RunRecord]:
        """All runs in the order in which they were planned."""
        progress = self._state.run_progress
        partitions = range(CREDITS.partitions)
        return [
            RunRecord(run, point, {number: progress[run.id, number].done for number in partitions})
            for run, point in self._state.runs.values()
        ]

    def plan_lines(self, run: str) -> Iterator[LinePlan]:
        """What a run plans of lines."""
        return (plan for (of, _), plan in self._state.run_lines.items() if of == run)

    def plan(self, run: str) -> RunPlan:
        """What a run plans besides."""
        return RunPlan(self._state.run_contents[run], self._state.run_parties[run])

    def settled_lines(self) -> Iterator[SettledLine]:
        """Every line that a run planned or that something is settled of."""
        lines = self._state.lines
        planned = {key for _, key in self._state.run_lines}
        for key in sorted(planned | {key for key, line in lines.items() if line.settled or line.terms}):
            plans = [
                LineInRun(run, plan, self._is_applied(run, plan))
                for run in self._state.runs
                if (plan := self._state.run_lines.get((run, key))) is not None
            ]
            yield SettledLine(key, lines.get(key), plans)

    def _is_applied(self, run: str, plan: LinePlan) -> bool:
        last, done = self._state.run_progress[run, plan.partition]
        return done or (last is not None and plan.key <= last)

    def party_legs(self) -> Iterator[PartyLeg]:
        """All of them by writer, number and account."""
        legs = sorted(self._state.party_legs.items(), key=lambda leg: (*leg[0][1:], leg[0][0]))
        for (account, writer, seq), (amount, kind) in legs:
            row = self._state.journal[writer, seq]
            yield PartyLeg(account, writer, seq, amount, row.effective_at, row.order_id, row.line_id, kind)

    def budget_claims(self) -> Iterator[BudgetClaim]:
        """What lines take of budgets."""
        for (budget, key), taken in sorted(self._state.budget_lines.items()):
            kept = self._state.kept.get(key)
            raw = None if kept is None else kept.raw
            yield BudgetClaim(budget, key, taken, self._state.lines.get(key), raw)

    def bonuses(self) -> Iterator[BonusClaim]:
        """Every slot that is taken, and every line with a bonus."""
        taken = {key: (slot[0], run) for slot, (run, key) in self._state.slots.items()}
        granted = {key: line for key, line in self._state.lines.items() if line.grants.bonus_minor}
        for key in sorted(taken.keys() | granted.keys()):
            brand, run = taken.get(key, (None, None))
            line = granted.get(key)
            bonus = 0 if line is None else line.grants.bonus_minor
            yield BonusClaim(key, brand, run, None if line is None else line.brand_id, bonus)

    def case_events(self) -> list[ReferenceEvent]:
        """Every version of the events of disputes and holds."""
        facts = self._state.facts.items()
        events = [event for (kind, _), versions in facts if kind in CASE_KINDS for event, _ in versions]
        return sorted(events, key=lambda event: event.position)
