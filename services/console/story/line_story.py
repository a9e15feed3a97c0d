"""A line's story: everything that its part of the order's page shows."""

from collections.abc import Sequence
from typing import NamedTuple

from services.console.render import moment
from services.console.story.entries import EntryRow, entry_row, leg_rows
from services.console.story.headline import (
    STAGE_WORDS,
    credit_sentences,
    debt_sentence,
    earnings_sentence,
    stage_sentence,
)
from services.console.story.progress import ProgressStep, claimant_rows, progress_steps, run_rows
from services.console.story.shares import ShareBar, share_bar
from services.console.story.timeline import Timeline, numbered, timeline
from services.console.story.working import CreditWorking, credit_workings
from services.console.tables import CellKind, Column, PageTable, all_rows
from services.console.values import CellValue, LinkCell, MomentCell, MoneyCell, WordsCell, path
from services.kernel.sentences import Sentence
from services.operations.explain.explain import LineExplanation
from services.operations.explain.inquiry import Rulebook
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
_STEPS = (Column("event_id", "Event", CellKind.CODE), Column("at", "When"), Column("change", "What"),
          Column("refunded", "Refunded so far", CellKind.NUMBER))  # fmt: skip


class LineStory(NamedTuple):
    """One line of an order.

    Attributes:
        number: of its part of the page; its tables are called NAME-NUMBER.
        answers: who gets what and why, or why nobody earns anything; the first is the answer, the others say more.
        obstacles: what is in the way of the money.
        clock: when a run may settle it, or why it may not.
        bar: what the brand pays; None = nothing.
        tables: touches, changes, claimants, runs and entries.
    """

    number: int
    line_id: str
    buyer_id: str
    product_id: str
    brand: LinkCell
    paid_at: MomentCell
    paid: MoneyCell
    refunded: MoneyCell
    status: str
    stage: WordsCell
    answers: Sequence[Sentence]
    stage_said: Sentence
    due_at: MomentCell | None
    clock: str
    obstacles: Sequence[str]
    steps: Sequence[ProgressStep]
    policy: str
    rules: int
    timeline: Timeline | None
    workings: Sequence[CreditWorking]
    bar: ShareBar | None
    entries: Sequence[EntryRow]
    tables: Sequence[PageTable]


def line_story(number: int, one: LineExplanation, rulebook: Rulebook) -> LineStory:
    """The story of a line as the books have it."""
    told, settling, currency = one.told, one.settling, one.told.currency
    debt = debt_sentence(one)
    word, tone = STAGE_WORDS[settling.stage]
    entries = [entry_row(recorded) for recorded in one.entries]
    due_at = settling.clock.settle_at
    return LineStory(
        number,
        told.line_id,
        told.buyer_id,
        told.product_id,
        LinkCell(told.brand_id, path("brand", told.brand_id)),
        moment(told.paid_at),
        MoneyCell(told.goods_paid_minor, currency),
        MoneyCell(told.refunded_minor, currency),
        told.status,
        WordsCell(word, tone),
        [earnings_sentence(one), *credit_sentences(one, rulebook), *([debt] if debt else [])],
        stage_sentence(settling.stage),
        None if due_at is None else moment(due_at),
        settling.clock.why,
        [*settling.cases, *_remarks(one)],
        progress_steps(one),
        told.policy,
        told.version.rules,
        timeline(told, rulebook.candidate_window),
        credit_workings(one),
        share_bar(settling.claimants, currency),
        entries,
        [
            PageTable(f"touches-{number}", "What was considered", _TOUCHES, all_rows(_touch_rows(one)),
                      "No touch and no declaration was considered."),
            PageTable(f"changes-{number}", "Refunds and other events after the payment", _STEPS,
                      all_rows(_change_rows(one))),
            PageTable(f"money-{number}", "Who has what of it", _CLAIMANTS, all_rows(claimant_rows(settling, currency))),
            PageTable(f"runs-{number}", "Settlement runs that looked at it", _RUNS, all_rows(list(run_rows(one)))),
            PageTable(f"entries-{number}", "Entries", _ENTRIES, all_rows(list(leg_rows(entries))),
                      "No entry was booked."),
        ],
    )  # fmt: skip


def _remarks(one: LineExplanation) -> Sequence[str]:
    """What is unusual, but for what the answer at the top has said."""
    return [remark for remark in one.remarks if one.nothing_because is None or one.nothing_because not in remark]


def _touch_rows(one: LineExplanation) -> list[Sequence[CellValue]]:
    """A row for each candidate."""
    return [
        (
            touched.number,
            WordsCell("declared by the platform") if touch.touched_at is None else moment(touch.touched_at),
            LinkCell(touch.content_id, path("content", touch.content_id)),
            LinkCell(touch.koc_id, path("party", f"koc:{touch.koc_id}")),
            WordsCell("credited", "good") if touched.is_credited else WordsCell("not credited"),
            WordsCell(verdict_sentence(touch.verdict)),
            touch.touch_id,
        )
        for touched in numbered(one.told)
        for touch in [touched.touch]
    ]


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
