"""A line's story: everything that its part of the order's page shows."""

from collections.abc import Sequence
from typing import NamedTuple

from services.console.render import moment
from services.console.story.entries import EntryRow, entry_row
from services.console.story.headline import (
    credit_sentences,
    debt_sentence,
    earnings_sentence,
    stage_sentence,
    stage_word,
)
from services.console.story.line_tables import line_tables
from services.console.story.progress import ProgressStep, progress_steps
from services.console.story.shares import ShareBar, share_bar
from services.console.story.timeline import Timeline, timeline
from services.console.story.waiting import unpaid_parties
from services.console.story.working import CreditWorking, credit_workings
from services.console.tables import PageTable
from services.console.values import LinkCell, MomentCell, MoneyCell, WordsCell, path
from services.console.words.labels import ORDER_STATES
from services.kernel.sentences import Sentence
from services.operations.explain.explain import LineExplanation
from services.operations.explain.inquiry import Rulebook


class LineStory(NamedTuple):
    """One line of an order.

    Attributes:
        number: of its part of the page; its tables are called NAME-NUMBER.
        answers: who gets what and why, or why nobody earns anything; the first is the answer, the others say more.
        obstacles: what is in the way of the money.
        waits_for_payout: whether something of it is settled and in no payout.
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
    stage_said: str
    due_at: MomentCell | None
    clock: str
    obstacles: Sequence[str]
    waits_for_payout: bool
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
        ORDER_STATES.get(told.status, told.status),
        stage_word(one),
        [earnings_sentence(one), *credit_sentences(one, rulebook), *([debt] if debt else [])],
        stage_sentence(one),
        None if due_at is None else moment(due_at),
        settling.clock.why,
        [*settling.cases, *_remarks(one)],
        bool(unpaid_parties(one)),
        progress_steps(one),
        told.policy,
        told.version.rules,
        timeline(told, rulebook.candidate_window),
        credit_workings(one),
        share_bar(settling.claimants, currency),
        entries,
        line_tables(number, one, entries),
    )


def _remarks(one: LineExplanation) -> Sequence[str]:
    """What is unusual, but for what the answer at the top has said."""
    return [remark for remark in one.remarks if one.nothing_because is None or one.nothing_because not in remark]
