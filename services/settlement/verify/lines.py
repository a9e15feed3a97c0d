"""Order lines: what each has booked, by its journal rows and by what its accepted assertion is worth."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.kernel.time import format_rfc3339
from services.settlement.books.snapshot_port import LineRecord, StoredWriter
from services.settlement.domain.book.chart import OURSELVES, party_of, payable
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import LineAssertion, content_hash, vector_of
from services.settlement.domain.lines.clock import settle_at_of
from services.settlement.domain.lines.line import Line, owner
from services.settlement.domain.lines.vectors import NOTHING, dominates
from services.settlement.domain.lines.worth import pricing_reference, vat_ppm_of, worth_of_line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.place import owed_of, place
from services.settlement.verify.findings import Difference, Note

_BELOW = "below their join (a complete assertion is still to come)"
_QUARANTINED = "quarantined (frozen at what is booked)"
_SET_ASIDE = "set aside (over a limit of the journal, so nothing is booked)"
_UNPRICED = "unpriced (no plan matches)"
_SECOND = "of a second buyer of the order line (worth nothing)"
_WAITING = "waiting to be priced again"


class LineCheck:
    """Takes every line, then says what is unfinished.

    Args:
        reference: plans and relations at the snapshot's revision.
        open_jobs: partition -> reprice jobs that have lines left in it.
    """

    def __init__(self, reference: Reference, open_jobs: Mapping[int, Sequence[int]]) -> None:
        self._reference = reference
        self._open_jobs = open_jobs
        self._below: Counter[int] = Counter()
        self._counts: Counter[str] = Counter()

    def line(self, record: LineRecord) -> Iterator[Difference]:
        """One line under one buyer."""
        where = f"line {'/'.join(record.key)}"
        if record.damage is not None:
            yield Difference("line", where, record.damage, "a readable line and assertion")
        line, assertion = record.line, record.assertion
        if line is None:
            if record.damage is None:
                yield Difference("line", where, "no row", _text(record.journal))
            return
        if record.stored != record.journal:
            yield Difference("line", where, _text(record.stored), _text(record.journal))
        self._count(line)
        if line.joined != line.vector and not dominates(line.joined, line.vector):
            yield Difference("vector", where, f"joined {line.joined}", f"a join above {line.vector}")
        yield from _due(where, record, line)
        yield from _claims(where, record.stored, line)
        if assertion is not None:
            yield from _same_content(where, line, assertion)
            yield from self._worth(where, record.stored, line, assertion)
        elif record.damage is None and line.vector != NOTHING:
            yield Difference("assertion", where, "no row", f"the one of vector {line.vector}")

    def _count(self, line: Line) -> None:
        self._below[line.partition] += line.below_join
        self._counts[_BELOW] += line.below_join
        self._counts[_QUARANTINED] += line.quarantined is not None
        self._counts[_SET_ASIDE] += line.set_aside is not None
        self._counts[_UNPRICED] += line.unpriced is not None
        self._counts[_SECOND] += not line.standing

    def _worth(self, where: str, booked: Position, line: Line, assertion: LineAssertion) -> Iterator[Difference]:
        """What is booked must be the assertion's price, unless the line is frozen; nothing where it does not stand."""
        if line.quarantined is not None:
            return
        worth = worth_of_line(line, assertion, self._reference)
        target, unpriced, unpriced_minor = worth.target, worth.unpriced, worth.unpriced_minor
        if line.settled:
            target = place(line.settled, owed_of(target), line.brand_id, vat_ppm_of(line, self._reference))
        settle_at = settle_at_of(assertion, worth, pricing_reference(line, self._reference).houses, line.settled)
        stored = (booked, line.unpriced, line.unpriced_minor, line.set_aside, line.settle_at)
        if stored == (target, unpriced, unpriced_minor, worth.set_aside, settle_at):
            return
        if line.revision < self._reference.revision and line.partition in self._open_jobs:
            self._counts[_WAITING] += 1
        elif booked != target:
            yield Difference("price", where, _text(booked), _text(target))
        elif line.set_aside != worth.set_aside:
            yield Difference("set aside", where, line.set_aside or "not set aside", worth.set_aside or "not set aside")
        elif line.settle_at != settle_at:
            yield Difference("settle at", where, _time(line.settle_at), _time(settle_at))
        else:
            missing = _unpriced(line.unpriced, line.unpriced_minor)
            yield Difference("price", where, missing, _unpriced(unpriced, unpriced_minor))

    def join_counts(self, writers: Iterable[StoredWriter]) -> Iterator[Difference]:
        """The writers' counts of lines below their join must be those of the lines."""
        for writer in writers:
            if writer.join_open != (derived := self._below.pop(writer.number, 0)):
                where = f"writer {writer.number}: lines below their join"
                yield Difference("join", where, str(writer.join_open), str(derived))

    def notes(self) -> Iterator[Note]:
        """What is unfinished, frozen or without a price."""
        for jobs, partition in sorted((tuple(jobs), partition) for partition, jobs in self._open_jobs.items()):
            yield Note("open reprice jobs", f"partition {partition}: {', '.join(map(str, jobs))}")
        for what, count in sorted(self._counts.items()):
            if count:
                yield Note("lines", f"{count} {what}")


def check_owners(several: Sequence[Line]) -> Iterator[Difference]:
    """Among all buyers' lines of one order line the owner's stands, and no other."""
    rightful = owner(several)
    for line in several:
        if line.standing != (line is rightful):
            standing, should = ("stands", "does not") if line.standing else ("does not stand", "does")
            yield Difference("owner", f"line {'/'.join(line.key)}", standing, should)


def _same_content(where: str, line: Line, assertion: LineAssertion) -> Iterator[Difference]:
    """The kept assertion must be the one that the line accepted."""
    key = (assertion.order_id, assertion.line_id, assertion.buyer_id)
    if key != line.key:
        yield Difference("assertion", where, "/".join(key), "/".join(line.key))
    if vector_of(assertion) != line.vector:
        yield Difference("vector", where, str(line.vector), str(vector_of(assertion)))
    if (derived := content_hash(assertion)) != line.content_hash:
        yield Difference("content hash", where, line.content_hash.hex(), derived.hex())


def _due(where: str, record: LineRecord, line: Line) -> Iterator[Difference]:
    """A line that waits for its day must be found by the run of that day."""
    if line.settle_at is not None and not record.has_hint:
        yield Difference("due", where, "no hint", f"a hint for {_time(line.settle_at)[:10]}")


def _claims(where: str, booked: Position, line: Line) -> Iterator[Difference]:
    """What is settled is payable, whatever the line is worth; no more than that is claimed back, and none unsettled."""
    for account, amount in booked.items():
        if account.startswith("clawback:") and not 0 <= amount <= line.settled.get(party_of(account), 0):
            yield Difference("clawback", where, f"{account} {amount}", "at most what is settled")
    settled = {payable(one): -amount for one, amount in line.settled.items() if one != OURSELVES}
    stored = {
        account: amount for account, amount in booked.items() if account in settled or account.endswith(":payable")
    }
    if stored != settled:
        yield Difference("payable", where, _text(stored), _text(settled))


def _time(moment: int | None) -> str:
    """A moment, or none."""
    return "never" if moment is None else format_rfc3339(moment)


def _unpriced(reason: str | None, base_minor: int) -> str:
    """How much base has no price."""
    return "all of it priced" if reason is None else f"a base of {base_minor} unpriced ({reason})"


def _text(position: Position) -> str:
    """A position in one line."""
    return ", ".join(f"{key} {amount}" for key, amount in sorted(position.items())) or "nothing"
