"""What the use cases of the write path need of the store. Times are integer microseconds."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.settlement.domain.book.entries import Entry, Link
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.pricing.scopes import Scope
from services.settlement.domain.settling.shares import Shares


class IncomingAssertion(NamedTuple):
    """One credit assertion as read: where it stood in the log, its bytes, and what they say."""

    partition: int
    position: int
    raw: bytes
    assertion: LineAssertion


@dataclass(frozen=True, slots=True)
class Batch:
    """What was fetched of some credits partitions: partition -> (first offset, fetch position after it).

    `carriers` are the traces of those assertions that carry one, by (partition, offset).
    """

    ranges: Mapping[int, tuple[int, int]]
    incoming: Sequence[IncomingAssertion]
    carriers: Mapping[tuple[int, int], Mapping[str, str]] = field(default_factory=dict)

    def before(self, partition: int, position: int) -> "Batch":
        """The batch without what stands in this partition from this offset on."""
        first, _ = self.ranges[partition]
        ranges = {number: bounds for number, bounds in self.ranges.items() if number != partition}
        if position > first:
            ranges[partition] = first, position
        return Batch(
            ranges,
            [one for one in self.incoming if one.partition != partition or one.position < position],
            {at: carrier for at, carrier in self.carriers.items() if at[0] != partition or at[1] < position},
        )


@dataclass(slots=True)
class Writer:
    """A writer's row, locked: its place in the log, in its chain, and how many of its lines are below their join."""

    number: int
    generation: int
    next_offset: int
    last: Link
    join_open: int


class TransactionTime(NamedTuple):
    """When a transaction happens, by the database's clock, and the oldest open period (None: none was closed)."""

    now: int
    oldest_open: str | None


class PostedEntry(NamedTuple):
    """An entry in its place: row (writer, link.seq) of the journal."""

    entry: Entry
    writer: int
    link: Link


class KeptAssertion(NamedTuple):
    """The bytes of an accepted assertion, for explain, verify and pricing again."""

    key: Key
    stored: bool
    partition: int
    position: int
    raw: bytes


class LineChange(NamedTuple):
    """What a transaction changes: entries, the line that they are about, and the assertion it keeps; None = none."""

    entries: Sequence[PostedEntry]
    line: Line | None = None
    kept: KeptAssertion | None = None


class RepriceJob(NamedTuple):
    """Lines to be priced again after a registry batch; `number` is the batch's first offset."""

    number: int
    scope: Scope
    cause: str
    effective_at: int


class OpenJob(NamedTuple):
    """A reprice job that still has lines to work in a partition."""

    job: RepriceJob
    partition: int


class JobProgress(NamedTuple):
    """How far a job is in a partition."""

    last_key: Key | None
    done: bool


class ReferenceEvent(NamedTuple):
    """A valid registry event: `kind` is its event_type, `identity` what the newest offset of stands."""

    position: int
    kind: str
    identity: str
    occurred_at: int
    body: dict[str, object]


class ContentPosition(NamedTuple):
    """What writer N has booked for a content or a spend in one currency, and what runs have settled of it."""

    booked: Position
    settled: Shares


class Transaction(Protocol):
    """One database transaction of the write path, READ COMMITTED, its steps in the order of docs/settlement.md."""

    def lock_shared(self) -> None:
        """Step 1: the advisory locks PERIOD and REGISTRY, shared."""

    def lock_writers(self, numbers: Collection[int]) -> dict[int, Writer]:
        """Step 2: lock the writer rows in order."""

    def moment(self, reference: Reference) -> TransactionTime:
        """Step 3a: the time and the oldest open period; brings `reference` to the registry's revision."""

    def read_lines(self, order_lines: Collection[tuple[str, str]]) -> list[Line]:
        """Step 3b: every buyer's line of these (order_id, line_id), in one statement."""

    def write(
        self, changes: Iterable[LineChange], demoted: Sequence[Line], writers: Mapping[int, Writer], recorded_at: int
    ) -> None:
        """Steps 5b and 6: accounts, journal, demoted, new and changed lines, assertions, balances, writer rows.

        Args:
            changes: taken one by one while the journal is written, so that making them overlaps with the database.
            demoted: of the changed lines those that lose their place.
            writers: read once all changes are taken.
            recorded_at: microseconds.
        """


class RepriceTransaction(Transaction, Protocol):
    """A transaction that works a chunk of a reprice job."""

    def read_progress(self, job: int, partition: int) -> JobProgress:
        """How far a reprice job is in a partition."""

    def read_scope(
        self, scope: Scope, partition: int, after: Key | None, limit: int
    ) -> list[tuple[Line, LineAssertion]]:
        """The next standing lines of a partition that reference data of this scope can change, in key order."""

    def save_progress(self, job: int, partition: int, progress: JobProgress) -> None:
        """Store how far a reprice job is in a partition."""


class RegistryTransaction(Transaction, Protocol):
    """A transaction of the registry's reader."""

    def lock_registry(self) -> int:
        """PERIOD shared, then REGISTRY exclusive, then the position's row; returns the next offset to read."""

    def read_facts(self, kind: str, identities: Collection[str]) -> dict[str, ReferenceEvent]:
        """Standing events of one kind by identity."""

    def read_spends(self, content_ids: Collection[str]) -> list[ReferenceEvent]:
        """Standing spend events of these contents."""

    def put_facts(self, events: Sequence[ReferenceEvent], revision: int) -> None:
        """Keep these events; the newest of an identity stands."""

    def read_positions(self, kind: str, identities: Collection[str]) -> dict[tuple[str, str], ContentPosition]:
        """What is booked and settled of script fees or spend: (identity, currency) -> position, in key order."""

    def put_positions(self, kind: str, positions: Mapping[tuple[str, str], ContentPosition]) -> None:
        """Store what is booked and settled of script fees or spend, by (identity, currency)."""

    def add_job(self, job: RepriceJob) -> None:
        """Leave a reprice job for every credits partition."""

    def save_registry(self, next_offset: int, revision: int) -> None:
        """Store how far the registry is read, and its revision."""
