"""The books in memory: the write path's ports without a database, for laws over many histories and for quick tests.

They keep the promises that PostgreSQL makes and refuse what it refuses; one suite of tests runs against both. Each
transaction is a microsecond later than the one before it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from dataclasses import replace
from typing import TypeVar

from schemas.topics import CREDITS
from services.kernel.errors import InvariantBroken
from services.kernel.time import format_rfc3339
from services.settlement.books.account_ids import AccountName
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.journal_rows import JournalRow
from services.settlement.books.memory_snapshot import MemorySnapshot
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.ports import (
    ContentPosition,
    JobProgress,
    KeptAssertion,
    LineChange,
    OpenJob,
    PostedEntry,
    ReferenceEvent,
    RegistryTransaction,
    RepriceJob,
    RepriceTransaction,
    TransactionTime,
    Writer,
)
from services.settlement.books.settled_columns import shares_accounts
from services.settlement.domain.book.chart import is_of_a_party
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.facts import SPEND
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.pricing.scopes import Scope

_Made = TypeVar("_Made")


class MemoryBooks:
    """Books that live as long as the process.

    Attributes:
        state: what is committed.
    """

    def __init__(self) -> None:
        self.state = MemoryState()
        self._is_open = False

    def transaction(self) -> AbstractContextManager["MemoryTransaction"]:
        """One transaction: committed at the end of the block, nothing of it on an error.

        Raises:
            InvariantBroken: another transaction is open; PostgreSQL would let this one wait, nobody can here.
        """
        return self.changed_by(MemoryTransaction)

    @contextmanager
    def changed_by(self, kind: Callable[[MemoryState], _Made]) -> Iterator[_Made]:
        """A transaction of this kind."""
        if self._is_open:
            raise InvariantBroken("a transaction of the books in memory is open already")
        state = self.state.copied()
        state.now += 1
        self._is_open = True
        try:
            yield kind(state)
        finally:
            self._is_open = False
        self.state = state

    def oldest_open_job(self, partitions: Collection[int]) -> OpenJob | None:
        """The oldest reprice job with lines left in one of these partitions."""
        jobs = (OpenJob(self.state.jobs[job], partition) for job, partition in self.state.open_jobs())
        return next((one for one in jobs if one.partition in partitions), None)

    def snapshot(self) -> MemorySnapshot:
        """The books as they are now; they go on changing for others."""
        return MemorySnapshot(self.state)


class MemoryTransaction(RegistryTransaction, RepriceTransaction):
    """All of `ports` on books in memory.

    Args:
        state: a copy that nobody else sees before the transaction is committed.
    """

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    def lock_shared(self) -> None:
        """Step 1; transactions come one after another, so there is nobody to wait for."""

    def lock_writers(self, numbers: Collection[int]) -> dict[int, Writer]:
        """Step 2."""
        if missing := set(numbers) - self._state.writers.keys():
            raise InvariantBroken(f"writer rows are missing among {sorted(missing)}")
        return {number: copy(self._state.writers[number]) for number in sorted(numbers)}

    def moment(self, reference: Reference) -> TransactionTime:
        """Step 3a."""
        if self._state.revision != reference.revision:
            self._state.refresh(reference)
        return TransactionTime(self._state.now, self._state.closed_months().oldest_open)

    def read_lines(self, order_lines: Collection[tuple[str, str]]) -> list[Line]:
        """Step 3b."""
        wanted = set(order_lines)
        return [copy_of(line) for key, line in self._state.lines.items() if key[:2] in wanted]

    def write(
        self, changes: Iterable[LineChange], demoted: Sequence[Line], writers: Mapping[int, Writer], recorded_at: int
    ) -> None:
        """Steps 5b and 6."""
        lines: list[Line] = []
        kept: list[KeptAssertion] = []
        for change in changes:
            for entry in change.entries:
                self._book(entry, recorded_at)
            lines += [] if change.line is None else [change.line]
            kept += [] if change.kept is None else [change.kept]
        for line in demoted:
            self._demote(line)
        for line in lines:
            self._put_line(line)
        self._refuse_two_that_stand(lines)
        for assertion in kept:
            _expect("assertions", stored=assertion.stored, found=assertion.key in self._state.kept)
            self._state.kept[assertion.key] = assertion
        self._state.writers |= {number: copy(writer) for number, writer in writers.items()}

    def _book(self, posted: PostedEntry, recorded_at: int) -> None:
        """A journal row, and the balances that it moves."""
        state, (entry, writer, link) = self._state, posted
        if (writer, link.seq) in state.journal or entry.idem_key in state.idem_keys:
            raise InvariantBroken(f"the journal has {writer}-{link.seq} or {entry.idem_key} already")
        ids = [self._account((account, entry.currency)) for account in entry.legs]
        amounts = list(entry.legs.values())
        if len(amounts) < 2 or sum(amounts) != 0:
            raise InvariantBroken(f"unbalanced entry {entry.idem_key}: {entry.legs}")
        state.idem_keys.add(entry.idem_key)
        state.journal[writer, link.seq] = JournalRow(
            writer, link.seq, entry.idem_key, entry.cause, entry.kind.code, entry.currency, entry.period,
            entry.effective_at, recorded_at, entry.order_id, entry.line_id, entry.corrects, ids, amounts, link.head,
        )  # fmt: skip
        for (key, amount), account in zip(entry.legs.items(), ids, strict=True):
            balance, legs = state.balances[account]
            state.balances[account] = balance + amount, legs + 1
            if is_of_a_party(key):
                state.party_legs[account, writer, link.seq] = amount, entry.kind.code

    def _account(self, name: AccountName) -> int:
        """The id of an account, which exists from now on."""
        number = self._state.accounts.setdefault(name, len(self._state.accounts) + 1)
        self._state.balances.setdefault(number, (0, 0))
        return number

    def _demote(self, line: Line) -> None:
        """Clear `standing`, and nothing else."""
        stored = self._state.lines.get(line.key)
        if stored is None or not stored.standing:
            raise InvariantBroken(f"line {'/'.join(line.key)} does not stand, so it cannot be displaced")
        self._state.lines[line.key] = replace(stored, standing=False)

    def _put_line(self, line: Line) -> None:
        """A new line, or what an assertion or a price changes of a stored one."""
        before = self._state.lines.get(line.key)
        _expect("lines", stored=line.stored, found=before is not None)
        after = replace(copy_of(line), stored=True, due_at=line.settle_at)
        if line.settle_at is not None and line.settle_at != line.due_at:
            self._state.due.append((line.partition, format_rfc3339(line.settle_at)[: len("2026-11-01")], line.key))
        if before is not None:
            after.partition, after.standing = before.partition, before.standing
        self._state.lines[line.key] = after
        for account in (*line.booked, *shares_accounts(line.settled)):
            self._account((account, line.currency))

    def _refuse_two_that_stand(self, lines: Iterable[Line]) -> None:
        """Of an order line's lines at most one stands."""
        for order_line in {line.key[:2] for line in lines}:
            if sum(line.standing for line in self.read_lines({order_line})) > 1:
                raise InvariantBroken(f"two lines of order line {'/'.join(order_line)} stand")

    def read_progress(self, job: int, partition: int) -> JobProgress:
        """How far a reprice job is in a partition."""
        return self._state.progress[job, partition]

    def read_scope(
        self, scope: Scope, partition: int, after: Key | None, limit: int
    ) -> list[tuple[Line, LineAssertion]]:
        """The next standing lines in key order, each with its decoded assertion; a line without one is not found."""
        lines, kept = self._state.lines, self._state.kept
        later = sorted(key for key in lines.keys() & kept.keys() if after is None or key > after)
        found = [key for key in later if lines[key].partition == partition and _in_scope(lines[key], scope)]
        return [(copy_of(lines[key]), decode_credit(kept[key].raw)) for key in found[:limit]]

    def save_progress(self, job: int, partition: int, progress: JobProgress) -> None:
        """Store how far a reprice job is in a partition."""
        self._state.progress[job, partition] = progress

    def lock_registry(self) -> int:
        """The next registry offset to read; nobody else can hold the lock."""
        return self._state.registry_offset

    def read_facts(self, kind: str, identities: Collection[str]) -> dict[str, ReferenceEvent]:
        """Standing events of one kind by identity."""
        standing = self._state.standing(kind)
        return {identity: standing[identity] for identity in identities if identity in standing}

    def read_spends(self, content_ids: Collection[str]) -> list[ReferenceEvent]:
        """Standing spend events of these contents, by position."""
        spends = self._state.standing(SPEND).values()
        found = [event for event in spends if event.body["content_id"] in content_ids]
        return sorted(found, key=lambda event: event.position)

    def put_facts(self, events: Sequence[ReferenceEvent], revision: int) -> None:
        """Keep these events; the newest of an identity stands."""
        facts = self._state.facts
        for event in events:
            place = event.kind, event.identity
            facts[place] = (*facts.get(place, ()), (event, revision))

    def read_positions(self, kind: str, identities: Collection[str]) -> dict[tuple[str, str], ContentPosition]:
        """What is booked and settled: (identity, currency) -> position, in key order."""
        wanted = set(identities)
        return {
            (identity, currency): ContentPosition(dict(position.booked), dict(position.settled))
            for (of, identity, currency), position in sorted(self._state.contents.items())
            if of == kind and identity in wanted
        }

    def put_positions(self, kind: str, positions: Mapping[tuple[str, str], ContentPosition]) -> None:
        """Store what is booked and settled of script fees or spend."""
        for (identity, currency), (booked, settled) in positions.items():
            self._state.contents[kind, identity, currency] = ContentPosition(dict(booked), dict(settled))
            for account in (*booked, *shares_accounts(settled)):
                self._account((account, currency))

    def add_job(self, job: RepriceJob) -> None:
        """Leave a reprice job for every credits partition."""
        if job.number in self._state.jobs:
            raise InvariantBroken(f"reprice job {job.number} is there already")
        self._state.jobs[job.number] = job
        for partition in range(CREDITS.partitions):
            self._state.progress[job.number, partition] = JobProgress(None, done=False)

    def save_registry(self, next_offset: int, revision: int) -> None:
        """Store how far the registry is read, and its revision."""
        self._state.registry_offset, self._state.revision = next_offset, revision


def copy_of(line: Line) -> Line:
    """A line that its owner may change; the domain replaces all of its values but its dictionaries."""
    return replace(line, booked=dict(line.booked), settled=dict(line.settled))


def _expect(what: str, *, stored: bool, found: bool) -> None:
    """Refuse to insert what is there, and to change what is not."""
    if stored != found:
        raise InvariantBroken(
            f"{what}: one that is {'stored' if stored else 'new'} is {'there' if found else 'missing'}"
        )


def _in_scope(line: Line, scope: Scope) -> bool:
    """Whether a line stands and reference data of this scope can change it."""
    if (
        not line.standing
        or line.paid_at < scope.paid_from
        or (scope.paid_to is not None and line.paid_at >= scope.paid_to)
    ):
        return False
    is_named = line.brand_id in (scope.brands or ()) or line.key[0] in scope.orders
    return scope.brands is None or is_named or not scope.kocs.isdisjoint(line.koc_ids)
