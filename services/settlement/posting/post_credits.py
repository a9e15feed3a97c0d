"""Post a batch of credit assertions: one transaction, its steps in the order of docs/settlement.md.

Whatever the batches, each line ends where its final assertion puts it: assertions of a line are folded one by one,
and what is booked is always `target - already booked`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from services.kernel.errors import InvariantBroken
from services.kernel.identifiers import line_key
from services.settlement.books.decode_credits import decode_assertion, under_buyer
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import (
    Batch,
    IncomingAssertion,
    KeptAssertion,
    LineChange,
    PostedEntry,
    Transaction,
    TransactionTime,
    Writer,
)
from services.settlement.domain.lines.booking import book_assertion, book_demotion
from services.settlement.domain.lines.line import ContentConflict, Key, Line, owner
from services.settlement.domain.lines.surrogates import heir
from services.settlement.domain.lines.vectors import NOTHING, Precedence
from services.settlement.domain.pricing.reference import Reference

SECOND_OWNER = "second_owner"
QUARANTINED = "quarantined"


class Fenced(Exception):  # noqa: N818 - what happened, not a failure: another owner is ahead
    """The database is elsewhere in some partitions: partition -> the offset to go on from."""

    def __init__(self, offsets: dict[int, int]) -> None:
        super().__init__(f"another owner is ahead: {offsets}")
        self.offsets = offsets


class OwnedElsewhere(Exception):  # noqa: N818 - what is to be done: again, with these locked too
    """A new line displaces lines of other writers: run the batch again with their rows locked too."""

    def __init__(self, partitions: set[int]) -> None:
        super().__init__(f"lines of partitions {sorted(partitions)} are to be displaced")
        self.partitions = partitions


@dataclass(slots=True)
class _Work:
    """The batch's lines while they are folded and booked."""

    lines: dict[Key, Line]
    by_order_line: dict[tuple[str, str], list[Line]]
    accepted: dict[Key, IncomingAssertion] = field(default_factory=dict)
    changed: dict[Key, Line] = field(default_factory=dict)
    fresh: dict[Key, IncomingAssertion] = field(default_factory=dict)
    asserted: set[Key] = field(default_factory=set)
    demoted: list[Line] = field(default_factory=list)


def post_batch(
    transaction: Transaction,
    batch: Batch,
    reference: Reference,
    zone_minutes: int,
    also: Iterable[int] = (),
    passed: Callable[[Iterable[LineChange]], Iterable[LineChange]] = iter,
) -> PostingCounts:
    """Post a batch within a transaction that the caller commits.

    Args:
        transaction: open, nothing done in it yet.
        batch: assertions in offset order within each partition.
        reference: plans and relations as last seen; brought up to date.
        zone_minutes: the settlement time zone, minutes east of UTC.
        also: further writers to lock, after OwnedElsewhere.
        passed: sees the changes on their way to the transaction.

    Raises:
        Fenced: another owner has moved on; roll back and seek.
        OwnedElsewhere: roll back and run again with `also`.
        ContentConflict: a poison credit; stop.
        InvariantBroken: a line came in two partitions.
    """
    transaction.lock_shared()
    writers = transaction.lock_writers({*batch.ranges, *also})
    _fence(writers, batch)
    moment = transaction.moment(reference)
    counts = PostingCounts()
    work = _fold(transaction, batch, writers, moment, counts)
    builder = EntryBuilder(writers, moment, zone_minutes, counts)
    displaced = _decide_owners(work, builder, reference, counts)
    for partition, (_, end) in batch.ranges.items():
        writers[partition].next_offset = end
    changes = chain([LineChange(displaced)], _book(work, builder, reference))
    transaction.write(passed(changes), work.demoted, writers, moment.now)
    return counts


def _book(work: _Work, builder: EntryBuilder, reference: Reference) -> Iterator[LineChange]:
    """Book what each line accepted; a line of which only the join has moved is written too."""
    for key, line in work.changed.items():
        incoming = work.accepted.get(key)
        if incoming is None:
            yield LineChange((), line)
            continue
        partition, position, raw, assertion = incoming
        rows = book_assertion(line, assertion, reference, f"credits of assertion {partition}-{position}")
        idem = _idem(builder.writers, incoming, key)
        entries = builder.build(partition, idem, rows, line.currency, line) if rows else ()
        kept = KeptAssertion(key, key in work.asserted, partition, position, raw)
        yield LineChange(entries, line, kept)


def _fence(writers: dict[int, Writer], batch: Batch) -> None:
    """Refuse a batch that does not begin where the database stands."""
    elsewhere = {
        partition: writers[partition].next_offset
        for partition, (first, _) in batch.ranges.items()
        if writers[partition].next_offset != first
    }
    if elsewhere:
        raise Fenced(elsewhere)


def _fold(
    transaction: Transaction, batch: Batch, writers: dict[int, Writer], moment: TransactionTime, counts: PostingCounts
) -> _Work:
    """Read the batch's lines and fold its assertions into them one by one, in offset order."""
    wanted = {(assertion.order_id, assertion.line_id) for _, _, _, assertion in batch.incoming}
    work = _Work({}, {})
    for stored in transaction.read_lines(wanted):
        work.lines[stored.key] = stored
        work.by_order_line.setdefault(stored.key[:2], []).append(stored)
        if stored.vector != NOTHING:
            work.asserted.add(stored.key)
    below = {key for key, stored in work.lines.items() if stored.below_join}
    lines, now, verdicts = work.lines, moment.now, []
    for read in batch.incoming:
        incoming = read
        partition, position, _, assertion = incoming
        key = (assertion.order_id, assertion.line_id, assertion.buyer_id)
        line = lines.get(key)
        if line is None:
            incoming, line = _admit(work, read, key)
            key, assertion = line.key, incoming.assertion
        if line.partition != partition:
            raise InvariantBroken(
                f"line {key[0]}/{key[1]} of partition {line.partition} came in {partition}, {position}", "poison_credit"
            )
        joined = line.joined
        try:
            verdict = line.take(assertion, now)
        except ContentConflict as conflict:
            conflict.place = partition, position
            raise
        if verdict is Precedence.ACCEPTED:
            work.accepted[key] = incoming
            work.changed[key] = line
        elif line.joined != joined:
            work.changed[key] = line
        verdicts.append(verdict.value if line.quarantined is None else QUARANTINED)
    counts.assertions.update(verdicts)
    for key, changed in work.changed.items():
        writers[changed.partition].join_open += changed.below_join - (key in below)
    return work


def _admit(work: _Work, incoming: IncomingAssertion, key: Key) -> tuple[IncomingAssertion, Line]:
    """The line of an assertion whose key the books do not know: a severed one, or a new one.

    An assertion of a severed line is taken and kept without its buyer.
    """
    partition, _, raw, assertion = incoming
    claimants = work.by_order_line.setdefault(key[:2], [])
    if severed := heir(claimants, partition, assertion.paid_at):
        raw = under_buyer(raw, severed.key[2])
        return incoming._replace(raw=raw, assertion=decode_assertion(raw)), severed
    line = work.lines[key] = Line(key, partition, assertion.paid_at, assertion.currency, assertion.brand_id)
    claimants.append(line)
    work.fresh[key] = incoming
    return incoming, line


def _decide_owners(
    work: _Work, builder: EntryBuilder, reference: Reference, counts: PostingCounts
) -> list[PostedEntry]:
    """Let the smallest (paid_at, buyer_id) stand where a new key claims an order line; the others give all back."""
    elsewhere: set[int] = set()
    displaced: list[PostedEntry] = []
    for key, incoming in work.fresh.items():
        claimants = work.by_order_line[key[:2]]
        if len(claimants) == 1:
            continue
        winner = owner(claimants)
        for line in claimants:
            if line is winner:
                continue
            if line.stored and line.standing:
                if line.partition not in builder.writers:
                    elsewhere.add(line.partition)
                    continue
                displaced += _displace(line, incoming, builder, reference)
                work.demoted.append(line)
                work.changed[line.key] = line
            line.standing = False
        counts.assertions[SECOND_OWNER] += 1
    if elsewhere:
        raise OwnedElsewhere(elsewhere)
    return displaced


def _displace(
    line: Line, incoming: IncomingAssertion, builder: EntryBuilder, reference: Reference
) -> list[PostedEntry]:
    """Take all back from a line whose order line belongs to another buyer."""
    cause = f"the order line belongs to another buyer by assertion {incoming.partition}-{incoming.position}"
    rows = book_demotion(line, reference, incoming.assertion.as_of, cause)
    idem = _idem(builder.writers, incoming, line.key)
    return builder.build(line.partition, idem, rows, line.currency, line)


def _idem(writers: dict[int, Writer], incoming: IncomingAssertion, key: Key) -> str:
    generation = writers[incoming.partition].generation
    return f"credit|{generation}|{incoming.partition}|{incoming.position}|{line_key(*key)}"
