"""What the books in memory hold. Values are replaced, never changed: a copy of the containers copies the books."""

from copy import copy
from dataclasses import dataclass, field, fields

from schemas.topics import CREDITS
from services.settlement.books.account_ids import AccountName
from services.settlement.books.journal_rows import JournalRow
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.ports import (
    ContentPosition,
    JobProgress,
    KeptAssertion,
    ReferenceEvent,
    RepriceJob,
    Writer,
)
from services.settlement.books.run_ports import BudgetLine, StoredRun
from services.settlement.domain.book.entries import GENESIS
from services.settlement.domain.book.periods import ClosedMonths, PeriodClose
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.paying.batch_hash import BatchNet
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.granting import BonusSlot
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan, PartyPlan
from services.settlement.domain.settling.tiers import TierCounter


def _every_writer() -> dict[int, Writer]:
    """A writer for each credits partition, and writer N."""
    return {number: Writer(number, 0, 0, GENESIS, 0) for number in range(CREDITS.partitions + 1)}


@dataclass(slots=True)
class MemoryState:
    """The tables of the settlement store, each by its key.

    Attributes:
        accounts: account name -> id, from 1 on in the order in which they were created.
        balances: account id -> (amount in minor units, number of legs).
        journal: (writer, seq) -> row.
        facts: (kind, identity) -> every version with its registry revision, in the order of the log.
        contents: (kind, identity, currency) -> what writer N has booked and runs have settled.
        due: (partition, UTC date YYYY-MM-DD, line) of each hint.
        party_legs: (account id, writer, seq) -> (amount in minor units, kind's code).
        progress: (job, partition) -> how far it is.
        terms: (registry offset, as of) -> their row.
        runs: id -> the run and its point, in the order in which they were planned.
        run_lines: (run, line) -> what is planned of the line.
        run_contents: run -> what is planned of script fees; `run_parties` of nets.
        run_progress: (run, partition) -> how far it is applied.
        counters: tier counter -> base in minor units.
        slots: bonus slot -> (run, line) that took it.
        budget_lines: (budget, line) -> what the line takes of it.
        batches: id -> a batch of payouts and its nets, in the order in which they were proposed; payouts by id.
        cancelled: payout -> the number of the command that cancelled it; `released` likewise.
        commands: how many were given; the commands themselves are not kept.
        registry_offset: the next registry record to read.
        now: time of the last transaction, microseconds.
        periods: month that was ever closed -> whether it is closed now.
        closes: every close, in order; `period_sums`: (month, revision, account id) -> what its seal covers.
    """

    writers: dict[int, Writer] = field(default_factory=_every_writer)
    accounts: dict[AccountName, int] = field(default_factory=dict)
    balances: dict[int, tuple[int, int]] = field(default_factory=dict)
    journal: dict[tuple[int, int], JournalRow] = field(default_factory=dict)
    idem_keys: set[str] = field(default_factory=set)
    lines: dict[Key, Line] = field(default_factory=dict)
    kept: dict[Key, KeptAssertion] = field(default_factory=dict)
    facts: dict[tuple[str, str], tuple[tuple[ReferenceEvent, int], ...]] = field(default_factory=dict)
    contents: dict[tuple[str, str, str], ContentPosition] = field(default_factory=dict)
    due: list[tuple[int, str, Key]] = field(default_factory=list)
    party_legs: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)
    jobs: dict[int, RepriceJob] = field(default_factory=dict)
    progress: dict[tuple[int, int], JobProgress] = field(default_factory=dict)
    terms: dict[tuple[int, int], Terms] = field(default_factory=dict)
    runs: dict[str, tuple[StoredRun, RunPoint]] = field(default_factory=dict)
    run_lines: dict[tuple[str, Key], LinePlan] = field(default_factory=dict)
    run_contents: dict[str, tuple[ContentPlan, ...]] = field(default_factory=dict)
    run_parties: dict[str, tuple[PartyPlan, ...]] = field(default_factory=dict)
    run_progress: dict[tuple[str, int], JobProgress] = field(default_factory=dict)
    counters: dict[TierCounter, int] = field(default_factory=dict)
    slots: dict[BonusSlot, tuple[str, Key]] = field(default_factory=dict)
    budget_lines: dict[tuple[BudgetKey, Key], BudgetLine] = field(default_factory=dict)
    batches: dict[str, tuple[StoredBatch, tuple[BatchNet, ...]]] = field(default_factory=dict)
    payouts: dict[str, StoredPayout] = field(default_factory=dict)
    cancelled: dict[str, int] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    commands: int = 0
    registry_offset: int = 0
    revision: int = 0
    now: int = 0
    periods: dict[str, bool] = field(default_factory=dict)
    closes: list[PeriodClose] = field(default_factory=list)
    period_sums: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def copied(self) -> "MemoryState":
        """The same books, to be changed without changing these."""
        return MemoryState(**{one.name: copy(getattr(self, one.name)) for one in fields(self)})

    def closed_months(self) -> ClosedMonths:
        """Which months were closed."""
        reopened = (month for month, is_closed in self.periods.items() if not is_closed)
        return ClosedMonths(max(self.periods, default=None), min(reopened, default=None))

    def refresh(self, reference: Reference) -> None:
        """Bring plans and relations from the revision that is known to this one."""
        every = (version for versions in self.facts.values() for version in versions)
        newer = [event for event, revision in every if revision > reference.revision]
        reference.take(sorted(newer, key=lambda event: event.position))
        reference.revision = self.revision

    def standing(self, kind: str) -> dict[str, ReferenceEvent]:
        """The newest event of each identity of a kind."""
        return {identity: versions[-1][0] for (of, identity), versions in self.facts.items() if of == kind}

    def open_jobs(self) -> list[tuple[int, int]]:
        """(job, partition) with lines left, the oldest job first."""
        return sorted(place for place, progress in self.progress.items() if not progress.done)
