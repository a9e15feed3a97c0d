"""The books in memory: the ports of the write path without a database, for laws over many histories.

It keeps the promises that PostgreSQL makes (commit or nothing, gapless chains, one standing line) and checks them.
"""

import copy
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from services.settlement.books.entry_builder import PostingCounts
from services.settlement.books.ports import (
    Batch,
    IncomingAssertion,
    JobProgress,
    LineChange,
    PostedEntry,
    ReferenceEvent,
    RepriceJob,
    TransactionTime,
    Writer,
)
from services.settlement.domain.book.entries import GENESIS, chain
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.facts import PLAN, RELATION, plan_of, relation_of
from services.settlement.domain.pricing.price import Reference
from services.settlement.domain.pricing.scopes import Scope
from services.settlement.posting.post_credits import OwnedElsewhere, post_batch
from services.settlement.posting.reprice import reprice_chunk
from services.settlement.posting.take_registry import take_registry

ZONE = 480


class MemoryBook:
    """State, and the transaction's methods working on it; `attempt` gives back the old state on an error."""

    def __init__(self, partitions: int = 3) -> None:
        self.partitions = partitions
        self.writer_rows = {n: Writer(n, 0, 0, GENESIS, 0) for n in range(partitions + 1)}
        self.lines: dict[Key, Line] = {}
        self.kept: dict[Key, Any] = {}
        self.assertions: dict[tuple[int, int], Any] = {}
        self.journal: list[tuple[PostedEntry, int]] = []
        self.facts: dict[tuple[str, str], tuple[ReferenceEvent, int]] = {}
        self.positions: dict[tuple[str, str], tuple[str, Position]] = {}
        self.jobs: dict[int, RepriceJob] = {}
        self.progress: dict[tuple[int, int], JobProgress] = {}
        self.registry_offset = self.revision = self.clock = 0
        self.reference = Reference()
        self.repriced = 0

    # What a poster does

    def post(self, partition: int, assertions: Sequence[Any]) -> PostingCounts:
        """A batch of one partition, again with other writers locked where it must."""
        first = self.writer_rows[partition].next_offset
        incoming = [IncomingAssertion(partition, first + i, b"", a) for i, a in enumerate(assertions)]
        self.assertions |= {(partition, one.position): one.assertion for one in incoming}
        batch = Batch({partition: (first, first + len(incoming))}, incoming)
        also: set[int] = set()
        while True:
            before = self._copy()
            try:
                outcome = post_batch(self, batch, self.reference, ZONE, also)
            except OwnedElsewhere as elsewhere:
                self._restore(before)
                also |= elsewhere.partitions
            else:
                self._check()
                return outcome

    def take(self, events: Sequence[ReferenceEvent]) -> None:
        """A registry batch."""
        first = self.registry_offset
        take_registry(self, (first, first + len(events)), events, self.reference, self.partitions, ZONE)
        self._check()

    def work_jobs(self, limit: int = 2) -> None:
        """All open jobs, in chunks."""
        for job in list(self.jobs.values()):
            for partition in range(self.partitions):
                while not self.progress[job.number, partition].done:
                    done = reprice_chunk(self, job, partition, self.reference, ZONE, limit)
                    self.repriced += done.assertions["repriced"]
                    self._check()

    # What the journal says

    def net(self) -> dict[tuple[str | None, str | None, str, str], int]:
        """Net position per order line, account and currency, from journal rows alone."""
        sums: Counter[tuple[str | None, str | None, str, str]] = Counter()
        for (entry, _, _), _ in self.journal:
            for account, amount in entry.legs:
                sums[entry.order_id, entry.line_id, account, entry.currency] += amount
        return {key: amount for key, amount in sums.items() if amount}

    def _check(self) -> None:
        links = dict.fromkeys(self.writer_rows, GENESIS)
        for (entry, writer, link), recorded_at in self.journal:
            links[writer] = chain(entry, writer, links[writer], recorded_at)
            assert links[writer] == link
        assert links == {n: row.last for n, row in self.writer_rows.items()}
        keys = [entry.idem_key for (entry, _, _), _ in self.journal]
        assert len(set(keys)) == len(keys)
        totals: Counter[str] = Counter()
        for (_, _, account, _), amount in self.net().items():
            totals[account] += amount
        assert sum(totals.values()) == 0
        assert all(amount <= 0 for account, amount in totals.items() if account.endswith((":pending", "fee_deferred")))
        standing = Counter(line.key[:2] for line in self.lines.values() if line.standing)
        assert max(standing.values(), default=1) == 1
        below = Counter(line.partition for line in self.lines.values() if line.below_join)
        assert all(row.join_open == below[n] for n, row in self.writer_rows.items())

    def _copy(self) -> dict[str, Any]:
        return {k: copy.deepcopy(v) for k, v in vars(self).items() if k not in ("reference", "assertions")}

    def _restore(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    # The ports

    def lock_shared(self) -> None:
        self.clock += 1

    def lock_writers(self, numbers: Collection[int]) -> dict[int, Writer]:
        return {n: copy.copy(self.writer_rows[n]) for n in sorted(numbers)}

    def moment(self, reference: Reference) -> TransactionTime:
        changed = [event for event, revision in self.facts.values() if revision > reference.revision]
        reference.plans.put(plan_of(event.body) for event in changed if event.kind == PLAN)
        reference.relations.put(relation_of(event.body) for event in changed if event.kind == RELATION)
        reference.revision = self.revision
        return TransactionTime(self.clock, None)

    def read_lines(self, order_lines: Collection[tuple[str, str]]) -> list[Line]:
        return [copy.deepcopy(line) for key, line in self.lines.items() if key[:2] in order_lines]

    def write(
        self, changes: Iterable[LineChange], demoted: Sequence[Line], writers: Mapping[int, Writer], recorded_at: int
    ) -> None:
        assert all(not line.standing for line in demoted)
        for change in changes:
            self.journal += [(one, recorded_at) for one in change.entries]
            if change.line is not None:
                change.line.stored = True
                self.lines[change.line.key] = copy.deepcopy(change.line)
            if change.kept is not None:
                self.kept[change.kept.key] = self.assertions[change.kept.partition, change.kept.position]
        self.writer_rows |= writers

    def read_progress(self, job: int, partition: int) -> JobProgress:
        return self.progress[job, partition]

    def save_progress(self, job: int, partition: int, progress: JobProgress) -> None:
        self.progress[job, partition] = progress

    def read_scope(self, scope: Scope, partition: int, after: Key | None, limit: int) -> list[tuple[Line, Any]]:
        found = [
            (copy.deepcopy(line), self.kept[key])
            for key, line in sorted(self.lines.items())
            if line.partition == partition and line.standing and (after is None or key > after)
            and line.paid_at >= scope.paid_from and (scope.paid_to is None or line.paid_at < scope.paid_to)
            and (scope.brands is None or line.brand_id in scope.brands or scope.kocs & set(line.koc_ids))
        ]  # fmt: skip
        return found[:limit]

    def lock_registry(self) -> int:
        self.clock += 1
        return self.registry_offset

    def read_facts(self, kind: str, identities: Collection[str]) -> dict[str, ReferenceEvent]:
        return {i: self.facts[kind, i][0] for i in identities if (kind, i) in self.facts}

    def read_spends(self, content_ids: Collection[str]) -> list[ReferenceEvent]:
        return [
            event
            for (kind, _), (event, _) in self.facts.items()
            if kind == "spend.reported" and event.body["content_id"] in content_ids
        ]

    def put_facts(self, events: Sequence[ReferenceEvent], revision: int) -> None:
        self.facts |= {(event.kind, event.identity): (event, revision) for event in events}

    def read_positions(self, kind: str, identities: Collection[str]) -> dict[str, tuple[str, Position]]:
        return {i: self.positions[kind, i] for i in identities if (kind, i) in self.positions}

    def put_positions(self, kind: str, positions: Mapping[str, tuple[str, Position]]) -> None:
        self.positions |= {(kind, identity): held for identity, held in positions.items()}

    def add_job(self, job: RepriceJob) -> None:
        self.jobs[job.number] = job
        self.progress |= {(job.number, partition): JobProgress(None, False) for partition in range(self.partitions)}

    def save_registry(self, next_offset: int, revision: int) -> None:
        self.registry_offset, self.revision = next_offset, revision
