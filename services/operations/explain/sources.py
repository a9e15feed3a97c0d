"""What explanations are made from: what the books hold of an order, and what the orders topic holds of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from schemas.orders import OrderPaid
from schemas.partitioning import partition_of
from schemas.reasons import MEANING as REFUSED_BECAUSE
from schemas.reasons import Reason
from schemas.topics import BUYER_PARTITIONS
from services.kernel.sentences import Sentence
from services.runtime.deadletters import LogPosition
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.books.run_records_port import OrderRuns
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.reference import Reference

# ruff: noqa: D102 - what each field of an assertion means stands once, in the public contract (schemas)


class ConsideredTouch(Protocol):
    """A touch or the platform's declaration (without a touch) that was considered, and the verdict on it."""

    @property
    def touch_id(self) -> str | None: ...
    @property
    def content_id(self) -> str: ...
    @property
    def koc_id(self) -> str: ...
    @property
    def touched_at(self) -> int | None: ...
    @property
    def verdict(self) -> str: ...


class ExplainableAssertion(LineAssertion, Protocol):
    """An assertion with what only a person reads."""

    @property
    def considered(self) -> Sequence[ConsideredTouch]: ...


class BookedOrder(NamedTuple):
    """What the books hold of an order, in one snapshot; no lines where they know nothing of it."""

    lines: Sequence[tuple[Line, ExplainableAssertion]]
    entries: Sequence[JournalEntry]
    reference: Reference
    runs: OrderRuns = OrderRuns()


class EventRefusal(NamedTuple):
    """Why an event was refused: a word of schemas.reasons, and one line for a person."""

    reason: str
    detail: str

    @property
    def sentence(self) -> Sentence:
        """The word, what it means, and the detail."""
        is_known = self.reason in list(Reason)
        meaning = Sentence(REFUSED_BECAUSE[Reason(self.reason)]) if is_known else Sentence("no reason that we know")
        return Sentence("{reason}: {meaning} ({detail})", reason=self.reason, meaning=meaning, detail=self.detail)

    def __str__(self) -> str:
        return self.sentence


class OrderLogRecord(NamedTuple):
    """A record of the orders topic that names the order.

    Attributes:
        position: where it stands; a refused record is found by this position among the dead letters.
        event_type: as it says, like the ids; None = unreadable.
        event: the valid event, of schemas.orders; None = it is invalid.
        refusal: None = accepted, or not read yet.
    """

    position: LogPosition
    event_type: str | None
    event_id: str | None
    buyer_id: str | None
    event: Any
    refusal: EventRefusal | None

    @property
    def counts(self) -> bool:
        """Whether it is accepted, or will be; one in another partition than its buyer's is published again there."""
        if self.event is None or self.refusal is not None:
            return False
        return partition_of(self.event.buyer_id.encode(), BUYER_PARTITIONS) == self.position.partition


class PublishedOrder(NamedTuple):
    """What the orders topic holds of an order, by position.

    Attributes:
        on_its_way: whether an event of it is not in the books yet.
    """

    records: Sequence[OrderLogRecord]
    on_its_way: bool

    @property
    def payment(self) -> OrderPaid | None:
        """Its order.paid; None = there is none, or it was refused."""
        return next((one.event for one in self.records if one.counts and isinstance(one.event, OrderPaid)), None)

    @property
    def refused(self) -> list[OrderLogRecord]:
        """Its refused events."""
        return [one for one in self.records if one.refusal is not None]


class Library(Protocol):
    """Where explanations are looked up."""

    def booked(self, order_id: str) -> BookedOrder:
        """What the books hold of an order."""

    def published(self, order_id: str, booked: BookedOrder) -> PublishedOrder:
        """Look for its events in the orders topic: where those lie that the books know, else from the first record.

        Raises:
            ConnectionError: Kafka does not answer.
        """


class NotExplained(Exception):  # noqa: N818 - what the answer is
    """There is nothing to explain: the sentence says which of the reasons it is, `refused` what was refused of it."""

    def __init__(self, sentence: str, refused: Sequence[OrderLogRecord] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.refused = refused
