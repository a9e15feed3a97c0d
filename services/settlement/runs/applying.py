"""Apply a plan beside running posters: a chunk of lines a transaction, then what belongs to no line."""

from collections.abc import Iterable, Iterator

from services.kernel.identifiers import line_key
from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import LineChange
from services.settlement.books.run_ports import ApplyTransaction, StoredRun
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.lines.clock import settle_at_of
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.settlement import PlannedSettlement, book_settlement, freeze_terms
from services.settlement.domain.lines.worth import pricing_reference, vat_ppm_of, worth_of_line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.place import owed_by, owed_of
from services.settlement.domain.settling.plan_hash import LinePlan
from services.settlement.domain.settling.shares import Shares

CHUNK = 2_000
"""Lines a transaction: a batch of a poster, which writes all partitions, waits for the chunk of each in turn."""

HINTS_AT_ONCE = 10_000


class LineApplier:
    """Settles the planned lines of a run.

    Args:
        run: planned.
        reference: brought up to date by each transaction.
        zone_minutes: the settlement zone, minutes east of UTC.
    """

    def __init__(self, run: StoredRun, reference: Reference, zone_minutes: int) -> None:
        self._run = run
        self._reference = reference
        self._zone_minutes = zone_minutes
        self._cause = f"settlement run {run.id}"

    def apply_chunk(self, transaction: ApplyTransaction, partition: int, limit: int = CHUNK) -> tuple[int, bool]:
        """Settle the next lines of a partition within a transaction that the caller commits.

        How far the run is, is read under the writer's lock: a process that was overtaken while it was frozen finds its
        chunk done.

        Returns:
            How many lines, and whether they were the partition's last.
        """
        transaction.lock_shared()
        writers = transaction.lock_writers({partition})
        last, done = transaction.read_run_progress(self._run.id, partition)
        if done:
            return 0, True
        moment = transaction.moment(self._reference)
        found = transaction.planned_lines(self._run.id, partition, last, limit)
        builder = EntryBuilder(writers, moment, self._zone_minutes, PostingCounts())
        transaction.write(self._changes(found, builder), [], writers, moment.now)
        done = len(found) < limit
        transaction.save_run_progress(self._run.id, partition, found[-1][1].key if found else last, done=done)
        return len(found), done

    def forget_hints(self, transaction: ApplyTransaction, partition: int) -> bool:
        """Delete some hints that the run has used up, within a transaction; whether there may be more."""
        transaction.lock_shared()
        transaction.lock_writers({partition})
        return transaction.forget_hints(partition, self._run.as_of, HINTS_AT_ONCE) == HINTS_AT_ONCE

    def _changes(
        self, found: Iterable[tuple[LinePlan, Line, bytes | None]], builder: EntryBuilder
    ) -> Iterator[LineChange]:
        for plan, line, raw in found:
            rows = self._settle(PlannedSettlement(plan.settled, plan.grants), line, raw)
            idem = f"run|{self._run.id}|{line_key(*line.key)}"
            yield LineChange(builder.build(line.partition, idem, rows, line.currency, line), line)

    def _settle(self, plan: PlannedSettlement, line: Line, raw: bytes | None) -> list[EntryDraft]:
        """The rows of one line; `raw` is its assertion if that may be worth something else than at the plan."""
        freeze_terms(line, plan, self._run.terms)
        vat_ppm = vat_ppm_of(line, self._reference)
        if line.quarantined is not None:
            owed = owed_by(line.booked, line.settled)
            line.settle_at = None
        elif raw is None and line.standing and not self._reference.is_denied(*line.key[:2]):
            owed = plan.settled
            self._note(line, None, None, 0, None)
        else:
            owed = self._price(plan, line, raw)
        return book_settlement(line, plan, owed, vat_ppm, self._cause, self._run.as_of)

    def _price(self, plan: PlannedSettlement, line: Line, raw: bytes | None) -> Shares:
        """What the line is owed now, by what it has accepted since the plan."""
        if raw is None:
            self._note(line, None, None, 0, None)
            return {}
        assertion = decode_assertion(raw)
        worth = worth_of_line(line, assertion, self._reference)
        houses = pricing_reference(line, self._reference).houses
        settle_at = settle_at_of(assertion, worth, houses, plan.settled)
        self._note(line, settle_at, worth.unpriced, worth.unpriced_minor, worth.set_aside)
        return owed_of(worth.target)

    def _note(
        self, line: Line, settle_at: int | None, unpriced: str | None, unpriced_minor: int, set_aside: str | None
    ) -> None:
        """What the line's frozen terms say of it."""
        line.settle_at, line.unpriced, line.unpriced_minor, line.set_aside = (
            settle_at,
            unpriced,
            unpriced_minor,
            set_aside,
        )
        line.revision = self._reference.revision
