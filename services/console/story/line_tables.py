"""The tables of a line's story; each is called NAME-NUMBER, for an order has several lines."""

from collections.abc import Sequence

from services.console.listed import listed
from services.console.render import moment
from services.console.story.entries import EntryRow, leg_rows
from services.console.story.progress import claimant_rows, run_rows
from services.console.story.timeline import NumberedTouch, numbered
from services.console.tables import CellKind, Column, PageTable, ReadRows, RowKey, all_rows
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.words.labels import VERDICTS
from services.operations.explain.explain import LineExplanation
from services.operations.explain.verdicts import verdict_sentence

_TOUCHES = (
    Column("number", "No.", CellKind.NUMBER),
    Column("touched_at", "When"),
    Column("content_id", "Content", CellKind.CODE),
    Column("koc_id", "KOC", CellKind.CODE),
    Column("verdict", "Verdict"),
    Column("why", "Why"),
    Column("touch_id", "Touch", CellKind.CODE),
)
_CLAIMANTS = (
    Column("claimant", "Who"),
    Column("owed", "Is owed", CellKind.NUMBER),
    Column("waiting", "Waits for a run", CellKind.NUMBER),
    Column("settled", "Was settled", CellKind.NUMBER),
    Column("owed_back", "Owes back", CellKind.NUMBER),
    Column("payouts", "Payout", CellKind.CODE),
    Column("state", "State"),
)
_RUNS = (
    Column("run", "Run", CellKind.CODE),
    Column("as_of", "As of"),
    Column("did", "What it did"),
    Column("amount", "Amount", CellKind.NUMBER),
    Column("why", "Why"),
)
_ENTRIES = (
    Column("entry", "Entry", CellKind.CODE),
    Column("kind", "What"),
    Column("effective_at", "Effective"),
    Column("period", "Month"),
    Column("cause", "Cause"),
    Column("account", "Account", CellKind.CODE),
    Column("amount", "Amount", CellKind.NUMBER),
)
_CHANGES = (Column("event_id", "Event", CellKind.CODE), Column("at", "When"), Column("change", "What"),
          Column("refunded", "Refunded so far", CellKind.NUMBER))  # fmt: skip


def line_tables(number: int, one: LineExplanation, entries: Sequence[EntryRow]) -> list[PageTable]:
    """Touches, changes, claimants, runs and entries of a line."""
    return [
        PageTable(
            f"touches-{number}",
            "What was considered",
            _TOUCHES,
            _read_touches(one),
            "No touch and no declaration was considered.",
        ),
        PageTable(
            f"changes-{number}", "Refunds and other events after the payment", _CHANGES, all_rows(_change_rows(one))
        ),
        PageTable(
            f"money-{number}",
            "Who has what of it",
            _CLAIMANTS,
            all_rows(claimant_rows(one.settling, one.told.currency)),
        ),
        PageTable(f"runs-{number}", "Settlement runs that looked at it", _RUNS, all_rows(list(run_rows(one)))),
        PageTable(f"entries-{number}", "Entries", _ENTRIES, all_rows(list(leg_rows(entries))), "No entry was booked."),
    ]


def _read_touches(one: LineExplanation) -> ReadRows:
    return listed(numbered(one.told), _touch_key, _touch_cells)


def _touch_key(touched: NumberedTouch) -> RowKey:
    return (touched.number,)


def _touch_cells(touched: NumberedTouch) -> Sequence[CellValue]:
    """A candidate as a row."""
    touch = touched.touch
    return (
        touched.number,
        WordsCell("declared by the platform") if touch.touched_at is None else moment(touch.touched_at),
        LinkCell(touch.content_id, path("content", touch.content_id)),
        LinkCell(touch.koc_id, path("party", f"koc:{touch.koc_id}")),
        WordsCell(VERDICTS.get(touch.verdict, touch.verdict), "good" if touched.is_credited else "other"),
        WordsCell(verdict_sentence(touch.verdict)),
        touch.touch_id,
    )


def _change_rows(one: LineExplanation) -> list[Sequence[CellValue]]:
    """A row for each order event that changed what the line is worth."""
    rows: list[Sequence[CellValue]] = []
    before = 0
    for step in one.told.steps[1:]:  # the first is the payment
        change = WordsCell("cancelled", "bad") if step.cancelled else WordsCell("refund")
        if not step.cancelled and step.refunded_minor < before:
            change = WordsCell("refund taken back")
        rows.append((step.event_id, moment(step.at), change, MoneyCell(step.refunded_minor, one.told.currency)))
        before = step.refunded_minor
    return rows
