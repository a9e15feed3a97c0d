"""Runs as a whole: the proof of each plan, its sums, that it is applied to its end, and the rows that it booked."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from schemas.topics import CREDITS
from services.settlement.books.journal_rows import JournalRow, Names
from services.settlement.books.run_records_port import RunPlan, RunRecord, RunRecords
from services.settlement.domain.book import chart
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.severed import SeveredRows
from services.settlement.domain.settling.budgets import Budget, commit_budget
from services.settlement.domain.settling.netting import net_rows
from services.settlement.domain.settling.plan_hash import content_digest, line_digest, party_digest, plan_sha256
from services.settlement.domain.settling.transfers import Occasion
from services.settlement.verify.findings import Difference, Note
from services.settlement.verify.settled_lines import SettledLineCheck

if TYPE_CHECKING:
    from services.settlement.domain.settling.shares import Shares

_OF_RUN = "run|"
_SCRIPT_FEE = "script_fee"
_NO_OCCASION = Occasion("", 0)
_AccountName = tuple[str, str]


class RunCheck:
    """Takes the runs in their order, after all settled lines, and the journal's rows.

    `content_settled` is what finished runs settled of script fees, by (content_id, currency).

    Args:
        records: of runs.
        runs: all of them.
        lines: has seen every settled line.
        severed: planned lines whose digest covers a buyer that they no longer name.
    """

    def __init__(
        self, records: RunRecords, runs: Sequence[RunRecord], lines: SettledLineCheck, severed: SeveredRows
    ) -> None:
        self._records, self._severed = records, severed
        self.runs = runs
        self._lines = lines
        self.content_settled: dict[tuple[str, str], Shares] = {}
        self._raised_by: dict[str, Counter[_AccountName]] = {}
        self._planned: Counter[_AccountName] = Counter()
        self._booked: Counter[_AccountName] = Counter()
        self._unknown: dict[str, str] = {}

    def run(self, record: RunRecord) -> Iterator[Difference]:
        """One run."""
        where, plan = f"run {record.run.id}", self._records.plan(record.run.id)
        yield from self._proof(where, record, plan)
        yield from self._sums(where, record, plan)
        if (record.run.terms.registry_offset, record.run.terms.as_of) != (record.point.registry, record.run.as_of):
            yield Difference("terms", where, str(record.run.terms), "the registry at its point, and its moment")
        if not record.is_done:
            return
        for partition in range(CREDITS.partitions):
            if not record.applied.get(partition):
                yield Difference("run", where, f"done, and partition {partition} is not applied", "all are applied")
        self._expect_rows(record, plan)

    def raised_by(self, run: str) -> Counter[_AccountName]:
        """What a run settled above earlier ones, by claimant and currency; the run has been taken."""
        return self._raised_by.get(run, Counter())

    def _proof(self, where: str, record: RunRecord, plan: RunPlan) -> Iterator[Difference]:
        """The plan's sha256, of the rows that are stored of it."""
        derived = plan_sha256(
            (self._severed.plan_line(line_digest(line)) for line in self._records.plan_lines(record.run.id)),
            map(content_digest, plan.contents),
            map(party_digest, plan.parties),
        )
        if record.run.plan_sha256 != derived:
            yield Difference("plan", where, record.run.plan_sha256.hex(), derived.hex())

    def _sums(self, where: str, record: RunRecord, plan: RunPlan) -> Iterator[Difference]:
        """What its result says of lines and claimants, and what it settled for each party."""
        raised = self._raised_by[record.run.id] = self._raised(record, plan)
        counted = self._lines.lines[record.run.id]
        if record.run.counts["lines"] != counted:
            yield Difference("run", where, f"{record.run.counts['lines']} lines", f"{counted} lines")
        said = {(one["party"], one["currency"]): one["amount_minor"] for one in record.run.counts["parties"]}
        stored = {(one.party, one.currency): one.settled_minor for one in plan.parties}
        for name in sorted(said.keys() | raised.keys()):
            if said.get(name, 0) != raised[name]:
                yield Difference("run", f"{where}, {' '.join(name)}", str(said.get(name, 0)), str(raised[name]))
        for name in sorted(stored.keys() | raised.keys()):
            if name[0] != chart.OURSELVES and stored.get(name, 0) != raised[name]:
                yield Difference("run party", f"{where}, {' '.join(name)}", str(stored.get(name, 0)), str(raised[name]))

    def _raised(self, record: RunRecord, plan: RunPlan) -> Counter[_AccountName]:
        """What a run settles above earlier runs, by claimant and currency."""
        raised = Counter(self._lines.raised[record.run.id])
        for content_id, currency, settled in plan.contents:
            before = self.content_settled.get((content_id, currency), {})
            for claimant, amount in settled.items():
                raised[claimant, currency] += amount - before.get(claimant, 0)
            if record.is_done:
                self.content_settled[content_id, currency] = settled
        return raised

    def _expect_rows(self, record: RunRecord, plan: RunPlan) -> None:
        """The legs that its nets and budgets must have booked."""
        for party in plan.parties:
            self._expect(net_rows(party.party, party.net, _NO_OCCASION), party.currency)
        for budget in record.run.counts["budgets"]:
            found = Budget(budget["limit_minor"], budget["committed_minor"], budget["worth_minor"])
            rows = commit_budget(budget["campaign_id"], found, budget["charged_minor"], _NO_OCCASION)
            self._expect(rows, budget["currency"])

    def _expect(self, rows: Iterable[EntryDraft], currency: str) -> None:
        for row in rows:
            for account, amount in row.legs.items():
                self._planned[account, currency] += amount

    def watched(self, rows: Iterable[JournalRow], names: Names) -> Iterator[JournalRow]:
        """The rows as they come; legs of nets and budgets are added up."""
        known = {record.run.id for record in self.runs}
        for row in rows:
            if row.idem_key.startswith(_OF_RUN):
                _, run, what, *_ = row.idem_key.split("|")
                if run not in known:
                    self._unknown.setdefault(run, row.entry_id)
                if row.order_id is None and what != _SCRIPT_FEE:
                    for account, amount in zip(row.accounts, row.amounts, strict=False):
                        self._booked[names.get(account, (str(account), row.currency))] += amount
            yield row

    def end(self) -> Iterator[Difference]:
        """What runs booked of nets and budgets, against what they planned."""
        for run, entry_id in self._unknown.items():
            yield Difference("run", f"row {entry_id}", f"of run {run}", "a run that is recorded")
        for name in sorted(self._planned.keys() | self._booked.keys()):
            if self._planned[name] != self._booked[name]:
                where = f"nets and budgets of runs on {' '.join(name)}"
                yield Difference("run", where, str(self._booked[name]), str(self._planned[name]))

    def notes(self) -> Iterator[Note]:
        """Runs that are not done."""
        for record in self.runs:
            if not record.is_done:
                left = sum(not done for done in record.applied.values())
                yield Note("unfinished run", f"{record.run.id}: {left} partitions are left; the next run finishes it")
