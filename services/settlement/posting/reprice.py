"""Price lines again after reference data changed: a chunk a transaction, between two batches of the poster."""

from collections.abc import Iterable, Iterator

from services.kernel.identifiers import line_key
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import JobProgress, LineChange, RepriceJob, RepriceTransaction
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.booking import book_reprice
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference

CHUNK = 5_000


def reprice_chunk(
    transaction: RepriceTransaction,
    job: RepriceJob,
    partition: int,
    reference: Reference,
    zone_minutes: int,
    limit: int = CHUNK,
) -> PostingCounts:
    """Work the job's next lines of a partition, within a transaction that the caller commits.

    The writer row is locked before the revision is read: a batch that still prices at an older revision holds that
    row until it has committed, so its lines are seen here, and a later one prices at the new revision itself.
    """
    transaction.lock_shared()
    writers = transaction.lock_writers({partition})
    counts = PostingCounts()
    progress = transaction.read_progress(job.number, partition)
    if progress.done:
        return counts
    moment = transaction.moment(reference)
    found = transaction.read_scope(job.scope, partition, progress.last_key, limit)
    builder = EntryBuilder(writers, moment, zone_minutes, counts)
    transaction.write(_reprice(found, job, reference, builder, counts), [], writers, moment.now)
    last = found[-1][0].key if found else progress.last_key
    transaction.save_progress(job.number, partition, JobProgress(last, len(found) < limit))
    return counts


def _reprice(
    found: Iterable[tuple[Line, LineAssertion]],
    job: RepriceJob,
    reference: Reference,
    builder: EntryBuilder,
    counts: PostingCounts,
) -> Iterator[LineChange]:
    """The changes of the lines that have another price now."""
    for line, assertion in found:
        before = _price_of(line)
        rows = book_reprice(line, assertion, reference, job.cause, job.effective_at)
        if _price_of(line) != before:
            idem = f"registry|{job.number}|{line_key(*line.key)}"
            yield LineChange(builder.build(line.partition, idem, rows, line.currency, line), line)
            counts.assertions["repriced"] += 1


def _price_of(line: Line) -> tuple[object, ...]:
    """What a price decides of a line."""
    return line.booked, line.booked_steps, line.unpriced, line.unpriced_minor, line.set_aside, line.settle_at
