"""Price lines again after reference data changed: a chunk a transaction, between two batches of the poster."""

from services.kernel.identifiers import line_key
from services.settlement.books.entry_builder import EntryBuilder
from services.settlement.books.ports import JobProgress, RepriceJob, RepriceTransaction
from services.settlement.domain.lines.booking import book_reprice
from services.settlement.domain.pricing.price import Reference
from services.settlement.posting.post_credits import PostingCounts

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
    outcome = PostingCounts()
    progress = transaction.read_progress(job.number, partition)
    if progress.done:
        return outcome
    moment = transaction.moment(reference)
    found = transaction.read_scope(job.scope, partition, progress.last_key, limit)
    posting = EntryBuilder(writers, moment, zone_minutes)
    changed = []
    for line, assertion in found:
        was = line.booked, line.booked_steps, line.unpriced, line.unpriced_minor, line.set_aside
        rows = book_reprice(line, assertion, reference, job.cause, job.effective_at)
        posting.add(partition, f"registry|{job.number}|{line_key(*line.key)}", rows, line.currency, line.key[:2])
        if (line.booked, line.booked_steps, line.unpriced, line.unpriced_minor, line.set_aside) != was:
            changed.append(line)
    transaction.write(posting.posted, [], changed, [], writers, moment.now)
    last = found[-1][0].key if found else progress.last_key
    transaction.save_progress(job.number, partition, JobProgress(last, len(found) < limit))
    outcome.assertions["repriced"] += len(changed)
    outcome.entries.update(entry.kind.text for entry, _, _ in posting.posted)
    outcome.moved.update(posting.moved())
    return outcome
