"""What the topics say of an order: refunds, refused events, and why an order is not in the books."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.console.render import moment
from services.console.story.claim import TOUCH_COLUMNS, touch_rows
from services.console.tables import CellKind, Column, PageTable, all_rows
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.kernel.sentences import Sentence
from services.operations.explain.explain import LineExplanation, explained_lines
from services.operations.explain.inquiry import Inquiry, Rulebook
from services.operations.explain.sources import Library, OrderLogRecord, PublishedOrder
from services.operations.explain.touches import LiveTouchLibrary
from services.operations.explain.unknown_order import find_order, not_explained
from services.operations.explain.why_not import unattributed

_REFUNDS = (
    Column("line", "Line", CellKind.CODE),
    Column("refund_id", "Refund", CellKind.CODE),
    Column("occurred_at", "When"),
    Column("amount", "Amount", CellKind.NUMBER),
    Column("counted", "Counts", CellKind.NUMBER),
    Column("why", "Why"),
    Column("event_id", "Event", CellKind.CODE),
)
_REFUSED = (
    Column("position", "Where", CellKind.CODE),
    Column("event_type", "Event type", CellKind.CODE),
    Column("event_id", "Event", CellKind.CODE),
    Column("reason", "Refused because"),
)


class LogStory(NamedTuple):
    """What the topics say.

    Attributes:
        answer: why the books know nothing of the order; None = they know it.
        tone: of the answer: bad = a person must look, wait = it comes by itself.
        remarks: what is unusual.
        tables: refunds, refused events, and the buyer's touches where nobody could be credited.
    """

    answer: str | None
    tone: str
    remarks: Sequence[str]
    tables: Sequence[PageTable]


def log_story(order_id: str, library: Library, rulebook: Rulebook) -> LogStory:
    """Read the topics.

    Raises:
        ConnectionError: Kafka does not answer.
    """
    booked, published = find_order(order_id, library)
    if published is not None:
        return _not_in_books(order_id, published, rulebook)
    found = library.published(order_id, booked)
    late = Sentence("An event of the order is still on its way to the books.")
    return LogStory(
        None,
        "",
        [late] if found.on_its_way else [],
        [
            PageTable("refunds", "Refunds", _REFUNDS, all_rows(list(_refund_rows(explained_lines(booked, found)))),
                      "The orders topic has no refund of this order."),
            _refused_table(found.refused),
        ],
    )  # fmt: skip


def _not_in_books(order_id: str, published: PublishedOrder, rulebook: Rulebook) -> LogStory:
    """Why the books know nothing of it: the sentence, what was refused, and the touches of the buyer who paid."""
    answer = not_explained(order_id, published)
    tables = [_refused_table(published.refused)] if published.refused else []
    tone = "bad" if published.refused else "wait"
    if published.payment is not None and not published.on_its_way:
        tone = "wait"
        everybody = Inquiry(None, None)
        touches = unattributed(order_id, everybody, published, LiveTouchLibrary(), rulebook).touches
        tables.append(
            PageTable("touches", "The buyer's touches, and why none counts", TOUCH_COLUMNS,
                      all_rows(list(touch_rows(touches))),
                      "The clicks log has no touch of this buyer, as far as it is kept."),
        )  # fmt: skip
    return LogStory(answer.sentence, tone, [], tables)


def _refund_rows(lines: Sequence[LineExplanation]) -> Iterator[Sequence[CellValue]]:
    for one in lines:
        for refund in one.refunds or ():
            yield (
                one.told.line_id,
                refund.refund.refund_id,
                moment(refund.refund.occurred_at),
                MoneyCell(refund.refund.refund_minor, one.told.currency),
                MoneyCell(refund.counted_minor, one.told.currency),
                WordsCell(refund.why),
                refund.refund.event_id,
            )


def _refused_table(records: Sequence[OrderLogRecord]) -> PageTable:
    rows = all_rows([_refused_row(one) for one in records])
    return PageTable("refused", "Refused events of this order", _REFUSED, rows, "No event of this order was refused.")


def _refused_row(one: OrderLogRecord) -> Sequence[CellValue]:
    position = one.position
    href = path("dead-letter", position.topic, str(position.partition), str(position.offset))
    why = None if one.refusal is None else WordsCell(one.refusal.sentence)
    return LinkCell(str(position), href), one.event_type, one.event_id, why
