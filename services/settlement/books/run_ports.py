"""What a settlement run needs of the store. Times are integer microseconds, amounts minor units.

A run reads one snapshot (RunSnapshot), writes its plan in one transaction (PlanTransaction), applies it by partition in
chunks, each a transaction (ApplyTransaction), and ends with one transaction of writer N (NetTransaction).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from services.settlement.books.net_ports import NetSnapshot, RunPoint
from services.settlement.books.ports import Transaction
from services.settlement.domain.book.commands import CommandDraft, JsonObject
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.lines.vectors import Vector
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.granting import BonusSlot
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan, PartyPlan
from services.settlement.domain.settling.shares import Shares
from services.settlement.domain.settling.tiers import TierCounter


class DueLine(NamedTuple):
    """A line that a hint says is due, with its accepted assertion's offset and bytes."""

    line: Line
    position: int
    raw: bytes


class FeeBooked(NamedTuple):
    """What is booked for a content's script fee in one currency, and what runs have settled of it."""

    content_id: str
    currency: str
    booked: Position
    settled: Shares


class BudgetLine(NamedTuple):
    """What a line's grants take of a campaign's budget, and the line's state at which that was worked out.

    `is_worthless`: it did not stand then, or a dispute of it was lost.
    """

    charged_minor: int
    vector: Vector
    is_worthless: bool


class StoredRun(NamedTuple):
    """A run as stored; `status` is planned, applied or done."""

    id: str
    as_of: int
    status: str
    terms: Terms
    plan_sha256: bytes
    counts: Mapping[str, Any]


class RunSnapshot(NetSnapshot, Protocol):
    """One REPEATABLE READ snapshot, read-only."""

    def due_lines(self, as_of: int) -> Iterator[DueLine]:
        """Each line once that a hint of a day up to `as_of` names, streamed in any order; the line decides itself."""

    def tier_counters(self) -> dict[TierCounter, int]:
        """What earlier runs counted."""

    def taken_slots(self, wanted: Collection[BonusSlot]) -> set[BonusSlot]:
        """Those of these slots whose bonus is taken."""

    def budgets(self) -> dict[BudgetKey, tuple[int, int]]:
        """(limit, committed) of each budget that was ever set."""

    def budget_worth(self) -> dict[BudgetKey, int]:
        """What each budget's lines take, as worked out last."""

    def changed_budget_lines(self) -> Iterator[tuple[BudgetKey, BudgetLine, DueLine]]:
        """Lines with a grant of a budget whose vector, standing or denial changed since that was worked out."""

    def script_fees(self) -> Iterator[FeeBooked]:
        """All that are booked or settled."""


class PlanTransaction(Protocol):
    """The transaction that stores a plan; committed at the end of its block."""

    def terms_of(self, registry_offset: int, as_of: int) -> Terms:
        """The row of these terms; made where it is new."""

    def add_lines(self, run: str, lines: Iterable[tuple[LinePlan, str]]) -> None:
        """COPY the plan's lines as they come, each with its currency."""

    def add_contents(self, run: str, contents: Sequence[ContentPlan]) -> None:
        """The plan's script fees."""

    def add_parties(self, run: str, parties: Sequence[PartyPlan]) -> None:
        """The plan's nets and reserves."""

    def put_counters(self, counters: Mapping[TierCounter, int]) -> None:
        """The tiers' counters with their new sums."""

    def take_slots(self, run: str, slots: Mapping[BonusSlot, Key]) -> None:
        """The bonus slots that lines take."""

    def put_budget_lines(self, lines: Mapping[tuple[BudgetKey, Key], BudgetLine]) -> None:
        """What lines take of budgets now."""

    def add_run(self, run: StoredRun, point: RunPoint) -> None:
        """The run itself, planned, before its lines; with a progress row for each partition."""

    def complete_run(self, run: StoredRun) -> None:
        """Its plan_sha256 and counts, once they are known."""

    def record(self, draft: CommandDraft, result: JsonObject, point: RunPoint) -> None:
        """Record the command under writer N, locked last (books.record_command)."""


class ApplyTransaction(Transaction, Protocol):
    """A chunk of a run in a partition."""

    def read_run_progress(self, run: str, partition: int) -> tuple[Key | None, bool]:
        """The last line that was settled, and whether it was the partition's last."""

    def planned_lines(
        self, run: str, partition: int, after: Key | None, limit: int
    ) -> list[tuple[LinePlan, Line, bytes | None]]:
        """The next planned lines in key order (their `parts` may stay empty), each with the line as it is now.

        The assertion's bytes only where it has changed since the plan, or where the line had something settled before.
        """

    def save_run_progress(self, run: str, partition: int, last: Key | None, *, done: bool) -> None:
        """Store how far the run is."""

    def forget_hints(self, partition: int, as_of: int, limit: int) -> int:
        """Delete hints of days up to `as_of` whose line no longer waits for that day; returns how many."""


class NetTransaction(Transaction, Protocol):
    """The end of a run, under writer N."""

    def run_status(self, run: str) -> str:
        """Planned, applied or done."""

    def planned_contents(self, run: str) -> list[tuple[ContentPlan, FeeBooked]]:
        """The plan's script fees, each with what is booked now."""

    def put_script_fees(self, fees: Sequence[FeeBooked]) -> None:
        """Store what is booked and settled now."""

    def planned_parties(self, run: str) -> list[PartyPlan]:
        """The plan's nets."""

    def finish_run(self, run: str) -> None:
        """Status done, at the transaction's time."""


class RunStore(Protocol):
    """Where runs are planned and applied; each method opens what its name says, for as long as the block lasts."""

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Hold RUN on a connection of its own (books.run_lock).

        Raises:
            StartRefused: somebody else holds it; says who.
        """

    def check_lock(self) -> None:
        """Make sure that RUN is still held.

        Raises:
            Stalled: its connection was cut; another process may be finishing the run.
        """

    def unfinished(self) -> StoredRun | None:
        """The run that was planned and is not done; there is at most one."""

    def find(self, draft: CommandDraft) -> StoredRun | None:
        """The run that this command planned before; None = it is new.

        Raises:
            InputRefused: another command has its id.
        """

    def snapshot(self) -> AbstractContextManager[RunSnapshot]:
        """One snapshot, on a connection of its own."""

    def planning(self) -> AbstractContextManager[PlanTransaction]:
        """One transaction, committed at the end; no transaction_timeout: a plan may take minutes and holds no lock."""

    def chunk(self) -> AbstractContextManager[ApplyTransaction]:
        """One transaction, committed at the end, with the poster's timeouts.

        Threads have connections of their own; after an error the next transaction connects again.
        """

    def ending(self) -> AbstractContextManager[NetTransaction]:
        """The same for the run's end."""
