"""What checkers and explanations read of settlement runs: what was planned, how far that is applied, what it left."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.settlement.books.net_ports import RunPoint
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.run_ports import BudgetLine, StoredRun
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan, PartyPlan


class RunRecord(NamedTuple):
    """A run, how far it had read, and which partitions are applied to their end (partition -> whether it is)."""

    run: StoredRun
    point: RunPoint
    applied: Mapping[int, bool]

    @property
    def is_done(self) -> bool:
        """Whether it has booked all that it planned."""
        return self.run.status == "done"


class RunPlan(NamedTuple):
    """What a run plans besides its lines."""

    contents: Sequence[ContentPlan]
    parties: Sequence[PartyPlan]


class LineInRun(NamedTuple):
    """What a run plans of a line, and whether that is booked."""

    run: str
    plan: LinePlan
    is_applied: bool


class SettledLine(NamedTuple):
    """A line that runs planned, in the order of the runs, or that something is settled of. None = it has no row."""

    key: Key
    line: Line | None
    plans: Sequence[LineInRun]


class PartyLeg(NamedTuple):
    """A row of the projection by account. `kind` is a code of the journal, `effective_at` microseconds."""

    account: int
    writer: int
    seq: int
    amount_minor: int
    effective_at: int
    order_id: str | None
    line_id: str | None
    kind: int


class BudgetClaim(NamedTuple):
    """What a line is stored to take of a budget; the line and its assertion as they are now, None = not there."""

    budget: BudgetKey
    key: Key
    taken: BudgetLine
    line: Line | None
    raw: bytes | None


class BonusClaim(NamedTuple):
    """A bonus slot and the line that has the bonus; None = there is no such slot, or no such line.

    `slot_run` is the run that took the slot.
    """

    key: Key
    slot_brand: str | None
    slot_run: str | None
    line_brand: str | None
    bonus_minor: int


class LinePayout(NamedTuple):
    """What a run settled of a line for a party, and the payout that covers it; None = none does yet."""

    party: str
    payout: str | None
    status: str | None


class OrderRuns(NamedTuple):
    """What the books hold of runs for one order.

    Attributes:
        runs: all of them, in the order in which they were planned.
        planned: by line, in any order.
        nets: by run, of the parties that something of the order was settled for.
        payouts: by line, of all that runs settled of it, by party.
        cases: every version of the events of disputes and holds that are about it, by position.
        positions: the offset of each line's accepted assertion, in the credits topic of this `generation`.
        now: microseconds.
    """

    runs: Sequence[tuple[StoredRun, RunPoint]] = ()
    planned: Mapping[Key, Sequence[LineInRun]] = {}
    nets: Mapping[str, Sequence[PartyPlan]] = {}
    payouts: Mapping[Key, Sequence[LinePayout]] = {}
    cases: Sequence[ReferenceEvent] = ()
    positions: Mapping[Key, int] = {}
    generation: int = 0
    now: int = 0


class RunRecords(Protocol):
    """All runs in one unchanging snapshot. Iterators stream; each may be read once at a time."""

    def runs(self) -> list[RunRecord]:
        """All runs in the order in which they were planned."""

    def plan_lines(self, run: str) -> Iterator[LinePlan]:
        """What a run plans of lines, in any order."""

    def plan(self, run: str) -> RunPlan:
        """What a run plans besides."""

    def settled_lines(self) -> Iterator[SettledLine]:
        """Every line that a run planned or that something is settled of."""

    def party_legs(self) -> Iterator[PartyLeg]:
        """All of them by writer, number and account."""

    def budget_claims(self) -> Iterator[BudgetClaim]:
        """What lines take of budgets."""

    def bonuses(self) -> Iterator[BonusClaim]:
        """Every slot that is taken, and every line with a bonus."""

    def case_events(self) -> list[ReferenceEvent]:
        """Every version of the events that open and decide disputes, and that place and release holds."""
