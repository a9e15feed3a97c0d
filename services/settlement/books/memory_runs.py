"""The run's ports on books in memory, so that laws over many histories have runs in them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from schemas.topics import CREDITS
from services.kernel.time import format_rfc3339
from services.settlement.books.memory import MemoryBooks, MemoryTransaction, copy_of
from services.settlement.books.memory_run_snapshot import MemoryRunSnapshot
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.ports import ContentPosition, JobProgress
from services.settlement.books.run_ports import (
    ApplyTransaction,
    BudgetLine,
    FeeBooked,
    NetTransaction,
    PlanTransaction,
    RunStore,
    StoredRun,
)
from services.settlement.domain.book.commands import CommandDraft, JsonObject
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.contents import SCRIPT_FEE_POSITION
from services.settlement.domain.settling.granting import BonusSlot
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan, PartyPlan
from services.settlement.domain.settling.tiers import TierCounter

_DAY = len("2026-11-01")


class MemoryRunTransaction(MemoryTransaction, PlanTransaction, ApplyTransaction, NetTransaction):
    """All transactions of a run."""

    def terms_of(self, registry_offset: int, as_of: int) -> Terms:
        """The row of these terms; made where it is new."""
        known = self._state.terms
        return known.setdefault((registry_offset, as_of), Terms(len(known) + 1, registry_offset, as_of))

    def add_run(self, run: StoredRun, point: RunPoint) -> None:
        """The run itself, planned."""
        self._state.runs[run.id] = run, point
        for partition in range(CREDITS.partitions):
            self._state.run_progress[run.id, partition] = JobProgress(None, done=False)

    def complete_run(self, run: StoredRun) -> None:
        """Its plan_sha256 and counts."""
        self._state.runs[run.id] = run, self._state.runs[run.id][1]

    def add_lines(self, run: str, lines: Iterable[tuple[LinePlan, str]]) -> None:
        """The plan's lines."""
        self._state.run_lines.update({(run, plan.key): plan for plan, _ in lines})

    def add_contents(self, run: str, contents: Sequence[ContentPlan]) -> None:
        """The plan's script fees."""
        self._state.run_contents[run] = tuple(contents)

    def add_parties(self, run: str, parties: Sequence[PartyPlan]) -> None:
        """The plan's nets and reserves."""
        self._state.run_parties[run] = tuple(parties)

    def put_counters(self, counters: Mapping[TierCounter, int]) -> None:
        """The tiers' counters with their new sums."""
        self._state.counters.update(counters)

    def take_slots(self, run: str, slots: Mapping[BonusSlot, Key]) -> None:
        """The bonus slots that lines take."""
        self._state.slots.update({slot: (run, key) for slot, key in slots.items()})

    def put_budget_lines(self, lines: Mapping[tuple[BudgetKey, Key], BudgetLine]) -> None:
        """What lines take of budgets now."""
        self._state.budget_lines.update(lines)

    def record(self, draft: CommandDraft, result: JsonObject, point: RunPoint) -> None:
        """No commands are kept in memory; the run is found by its id."""
        del draft, result, point
        self._state.commands += 1

    def read_run_progress(self, run: str, partition: int) -> tuple[Key | None, bool]:
        """The last line that was settled, and whether it was the partition's last."""
        return self._state.run_progress[run, partition]

    def planned_lines(
        self, run: str, partition: int, after: Key | None, limit: int
    ) -> list[tuple[LinePlan, Line, bytes | None]]:
        """The next planned lines in key order."""
        keys = sorted(key for of, key in self._state.run_lines if of == run and (after is None or key > after))
        plans = [self._state.run_lines[run, key] for key in keys]
        return [self._planned(plan) for plan in plans if plan.partition == partition][:limit]

    def _planned(self, plan: LinePlan) -> tuple[LinePlan, Line, bytes | None]:
        line, kept = copy_of(self._state.lines[plan.key]), self._state.kept[plan.key]
        return plan, line, kept.raw if line.settled or kept.position != plan.position else None

    def save_run_progress(self, run: str, partition: int, last: Key | None, *, done: bool) -> None:
        """Store how far the run is."""
        self._state.run_progress[run, partition] = JobProgress(last, done)

    def forget_hints(self, partition: int, as_of: int, limit: int) -> int:
        """Delete hints of days up to `as_of` whose line no longer waits for that day; returns how many."""
        day = format_rfc3339(as_of)[:_DAY]
        used = [
            (of, on, key)
            for of, on, key in self._state.due
            if of == partition and on <= day and on != _day_of(self._state.lines[key])
        ][:limit]
        self._state.due = [hint for hint in self._state.due if hint not in used]
        return len(used)

    def run_status(self, run: str) -> str:
        """Planned, applied or done."""
        return self._state.runs[run][0].status

    def planned_contents(self, run: str) -> list[tuple[ContentPlan, FeeBooked]]:
        """The plan's script fees, each with what is booked now."""
        return [(plan, self._fee(plan)) for plan in self._state.run_contents[run]]

    def _fee(self, plan: ContentPlan) -> FeeBooked:
        booked, settled = self._state.contents[SCRIPT_FEE_POSITION, plan.content_id, plan.currency]
        return FeeBooked(plan.content_id, plan.currency, dict(booked), dict(settled))

    def put_script_fees(self, fees: Sequence[FeeBooked]) -> None:
        """Store what is booked and settled now."""
        positions = {(fee.content_id, fee.currency): ContentPosition(fee.booked, fee.settled) for fee in fees}
        self.put_positions(SCRIPT_FEE_POSITION, positions)

    def planned_parties(self, run: str) -> list[PartyPlan]:
        """The plan's nets."""
        return list(self._state.run_parties[run])

    def finish_run(self, run: str) -> None:
        """Status done."""
        stored, point = self._state.runs[run]
        self._state.runs[run] = stored._replace(status="done"), point


class MemoryRunStore(RunStore):
    """`RunStore` on books in memory; nobody else is there to hold RUN."""

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Nothing to wait for."""
        del what
        return nullcontext()

    def check_lock(self) -> None:
        """It is held."""

    def unfinished(self) -> StoredRun | None:
        """The run that was planned and is not done."""
        return next((run for run, _ in self._books.state.runs.values() if run.status != "done"), None)

    def find(self, draft: CommandDraft) -> StoredRun | None:
        """The run that this command planned before."""
        known = self._books.state.runs.get(draft.id)
        return None if known is None else known[0]

    def snapshot(self) -> AbstractContextManager[MemoryRunSnapshot]:
        """The books as they are now."""
        return nullcontext(MemoryRunSnapshot(self._books.state))

    def planning(self) -> AbstractContextManager[MemoryRunTransaction]:
        """One transaction."""
        return self._books.changed_by(MemoryRunTransaction)

    chunk = planning
    ending = planning


def _day_of(line: Line) -> str | None:
    """The UTC day for which a line waits."""
    return None if line.settle_at is None else format_rfc3339(line.settle_at)[:_DAY]
