"""Why not me? The answer to a KOC or a content, line by line."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from services.console.render import moment
from services.console.tables import CellKind, Column, PageTable, all_rows
from services.console.values import CellValue, WordsCell
from services.console.words.labels import OUTCOMES, VERDICTS
from services.operations.explain.inquiry import ClaimOutcome, Inquiry, LineAnswer, Rulebook, TouchAnswer
from services.operations.explain.sources import Library, NotExplained
from services.operations.explain.touches import LiveTouchLibrary
from services.operations.explain.why_not import why_not

TOUCH_COLUMNS = (
    Column("touch_id", "Touch", CellKind.CODE),
    Column("occurred_at", "When"),
    Column("word", "Verdict"),
    Column("why", "Why"),
)
_TONES = {ClaimOutcome.CREDITED: "good", ClaimOutcome.LOST: "bad", ClaimOutcome.NO_CANDIDATE: "wait"}


class LineClaim(NamedTuple):
    """The answer for one line; `line_id` is None for an order without any candidate. `table` is its touches' name."""

    line_id: str | None
    outcome: WordsCell
    why: str
    table: str


class ClaimAnswer(NamedTuple):
    """The answers for all lines; or a sentence why there is none."""

    refusal: str | None
    lines: Sequence[LineClaim]
    tables: Sequence[PageTable]


def claim_answer(order_id: str, inquiry: Inquiry, library: Library, rulebook: Rulebook) -> ClaimAnswer:
    """Ask for a KOC or a content.

    Raises:
        ConnectionError: Kafka does not answer.
    """
    try:
        answered = why_not(order_id, inquiry, library, LiveTouchLibrary(), rulebook)
    except NotExplained as answer:
        return ClaimAnswer(answer.sentence, [], [])
    names = [f"touches-asked-{number}" for number in range(1, len(answered.answers) + 1)]
    return ClaimAnswer(
        None,
        [_line_claim(one, name) for one, name in zip(answered.answers, names, strict=True)],
        [_table(one, name) for one, name in zip(answered.answers, names, strict=True)],
    )


def _line_claim(answer: LineAnswer, table: str) -> LineClaim:
    line_id = answer.line.told.line_id if answer.line else None
    return LineClaim(line_id, WordsCell(OUTCOMES[answer.outcome], _TONES[answer.outcome]), answer.why, table)


def _table(answer: LineAnswer, name: str) -> PageTable:
    return PageTable(name, "Its touches", TOUCH_COLUMNS, all_rows(list(touch_rows(answer.touches))), "It has no touch.")


def touch_rows(touches: Iterable[TouchAnswer]) -> Iterator[Sequence[CellValue]]:
    """A row for each touch, or for a declaration."""
    for one in touches:
        at = WordsCell("declared by the platform") if one.occurred_at is None else moment(one.occurred_at)
        yield one.touch_id, at, WordsCell(VERDICTS.get(one.word, one.word), "other"), WordsCell(one.why)
