"""All checks over one snapshot, in the order in which one needs what another has seen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Protocol, TypeVar

from services.kernel.errors import InvariantBroken
from services.settlement.books.run_records_port import RunRecord
from services.settlement.books.snapshot_port import BooksSnapshot
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.book.severed import SeveredRows
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.netting import NO_RESERVE
from services.settlement.domain.settling.plan_hash import PartyPlan
from services.settlement.verify.budgets import BudgetCheck, check_bonuses
from services.settlement.verify.commands import CommandCheck
from services.settlement.verify.contents import check_contents, content_notes, read_content_facts, readable_registry
from services.settlement.verify.findings import Difference, Note
from services.settlement.verify.journal import JournalCheck
from services.settlement.verify.lines import LineCheck, check_owners
from services.settlement.verify.nets import LastNet, NetCheck
from services.settlement.verify.party_legs import PartyLegCheck
from services.settlement.verify.past_payouts import PastPayouts
from services.settlement.verify.payouts import PayoutCheck
from services.settlement.verify.periods import PeriodCheck
from services.settlement.verify.runs import RunCheck
from services.settlement.verify.settled_lines import SettledLineCheck

if TYPE_CHECKING:
    from services.settlement.books.net_ports import RunPoint

StoredRow = TypeVar("StoredRow")


class Counted(Protocol):
    """Counts rows as they come."""

    def __call__(self, what: str, rows: Iterable[StoredRow]) -> Iterator[StoredRow]:
        """The rows."""


class Checks:
    """What is checked; each stored row is read once.

    Raises:
        InvariantBroken: plans, relations or contents cannot be read, so nothing can be derived from them.
    """

    def __init__(self, books: BooksSnapshot, counted: Counted) -> None:
        self._books, self._counted = books, counted
        self._records = books.run_records()
        self._runs = self._records.runs()
        # what lines and contents are worth
        with readable_registry():
            reference = books.reference()
            self._lines = LineCheck(reference, books.open_jobs())
            self._facts = read_content_facts(books)
            self._last_batch: str | None = None
            self._nets = self._last_net(reference)
        # what remembers from one kind of row to the next
        rerates = (one for one in books.commands() if one.command.kind == CommandKind.LINES_RERATED)
        self._settled = SettledLineCheck({record.run.id: record for record in self._runs}, rerates)
        self._severed = SeveredRows(books.commands())
        self._run = RunCheck(self._records, self._runs, self._settled, self._severed)
        self._budgets = BudgetCheck(reference, self._runs)
        self._commands = CommandCheck(self._severed)
        self._periods = PeriodCheck(books.period_records(), books.commands())

    def differences(self) -> Iterator[Difference]:
        """Everything that is not as it should be."""
        counted = self._counted
        return chain(
            _readable("settled", self._of_runs()),
            self._of_journal(),
            (found for row in counted("commands", self._books.commands()) for found in self._commands.command(row)),
            self._commands.end(),
            _readable("seal", self._periods.end()),
            self._of_lines(),
            _readable("content", check_contents(self._books, self._facts, self._run.content_settled)),
            _readable("budget", self._of_budgets()),
        )

    def notes(self) -> Iterator[Note]:
        """What is unfinished, frozen or waits for a person."""
        return chain(self._lines.notes(), content_notes(self._facts), self._run.notes(), self._budgets.notes())

    def _last_net(self, reference: Reference) -> NetCheck | None:
        """The check of the last net, of a run that is done or of a proposal; None = there is none."""
        done, payouts = [record for record in self._runs if record.is_done], self._books.payout_records()
        found: tuple[str, int, RunPoint, frozenset[str]] | None = None
        if done:
            found = f"run {done[-1].run.id}", done[-1].run.as_of, done[-1].point, _ids(done[:-1])
        for batch in payouts.batches()[-1:]:
            if found is None or batch.point.commands > found[2].commands:
                found = f"batch {batch.id}", batch.as_of, batch.point, _ids(done)
                self._last_batch = batch.id
        if found is None:
            return None
        name, as_of, point, runs = found
        house = reference.as_of(point.registry).houses.at(as_of)
        past = PastPayouts(payouts, point)
        last = LastNet(name, as_of, point, runs, past, house, is_run=self._last_batch is None)
        return NetCheck(last, self._records.case_events())

    def _of_runs(self) -> Iterator[Difference]:
        """What runs planned of lines and is settled of them, then each run as a whole."""
        for one in self._counted("settled lines", self._records.settled_lines()):
            yield from self._settled.line(one)
            if self._nets is not None:
                self._nets.settled_line(one)
        for record in self._counted("runs", self._runs):
            yield from self._run.run(record)

    def _of_journal(self) -> Iterator[Difference]:
        """The journal by itself, then what it adds up to: writers, balances, parties' legs, nets."""
        books = self._books
        journal, legs = JournalCheck(books.names, self._severed), PartyLegCheck(books.names, self._records.party_legs())
        payouts = PayoutCheck(books.payout_records(), books.names)
        watched = payouts.watched(self._periods.watched(self._commands.watched(books.journal())))
        rows = self._run.watched(watched, books.names)
        if self._nets is not None:
            rows = self._nets.watched(rows, books.names)
        for row in self._counted("journal rows", rows):
            yield from journal.row(row)
            yield from legs.row(row)
        for writer in self._counted("writers", books.writers()):
            yield from journal.writer(writer)
        for account, balance in self._counted("balances", payouts.balances(self._budgets.watched(books.balances()))):
            yield from journal.balance(account, balance)
        yield from chain(journal.end(), legs.end(), self._run.end(), payouts.end(), self._of_nets())

    def _of_nets(self) -> Iterator[Difference]:
        """The last net, by all journal rows up to its point."""
        if self._nets is None:
            return
        done = [record.run.id for record in self._runs if record.is_done]
        if self._last_batch is not None:
            nets = self._books.payout_records().nets(self._last_batch)
            plans: Sequence[PartyPlan] = [PartyPlan(net.party, net.currency, 0, NO_RESERVE, net.net) for net in nets]
            raised: Mapping[tuple[str, str], int] = {}
        else:
            plans, raised = self._records.plan(done[-1]).parties, self._run.raised_by(done.pop())
        before = (plan for run in done for plan in self._records.plan(run).parties)
        yield from self._nets.end(raised, plans, before)
        for payout in self._books.payout_records().payouts():
            left = self._nets.left_held((payout.plan.party, payout.plan.currency))
            if payout.batch == self._last_batch and list(payout.kept) != left:
                yield Difference("payout kept", f"payout {payout.id}", str(list(payout.kept)), str(left))

    def _of_lines(self) -> Iterator[Difference]:
        """Every line, then how many are below their join, and whose they are."""
        for record in self._counted("lines", self._books.lines()):
            yield from self._lines.line(record)
        yield from self._lines.join_counts(self._books.writers())
        yield from _readable("owner", self._of_owners())

    def _of_owners(self) -> Iterator[Difference]:
        for several in self._counted("contested lines", self._books.contested()):
            yield from check_owners(several)

    def _of_budgets(self) -> Iterator[Difference]:
        """What lines take of budgets, and bonuses."""
        for claim in self._counted("budget lines", self._records.budget_claims()):
            yield from self._budgets.claim(claim)
        yield from self._budgets.end()
        unfinished = _ids(record for record in self._runs if not record.is_done)
        yield from check_bonuses(self._counted("bonuses", self._records.bonuses()), unfinished)


def _ids(records: Iterable[RunRecord]) -> frozenset[str]:
    return frozenset(record.run.id for record in records)


def _readable(check: str, differences: Iterable[Difference]) -> Iterator[Difference]:
    """Differences as they are found; a stored row that cannot be read ends them and is one itself."""
    try:
        yield from differences
    except InvariantBroken as broken:
        yield Difference(check, "a stored row", str(broken), "readable rows")
