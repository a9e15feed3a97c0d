"""An order's story as values: the answer, the line of time, the bar, the steps, and what the topics add."""

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import pytest

from services.console.story.claim import claim_answer
from services.console.story.entries import cause_cell
from services.console.story.headline import credit_sentences, debt_sentence, duration, earnings_sentence, stage_word
from services.console.story.line_story import LineStory, line_story
from services.console.story.shares import share_bar
from services.console.story.timeline import Timeline, numbered, timeline
from services.console.story.topics import log_story
from services.console.story.waiting import unpaid_parties
from services.console.values import LinkCell, WordsCell
from services.kernel.time import format_rfc3339
from services.operations.explain.explain import LineExplanation, explained_lines
from services.operations.explain.inquiry import Inquiry, Rulebook
from services.operations.explain.settling import ClaimantExplanation
from services.operations.explain.sources import BookedOrder, EventRefusal, OrderLogRecord, PublishedOrder
from services.settlement.books.decode_credits import decode_credit
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.terms import Grant, LineGrants, credit_name
from services.settlement.domain.pricing.reference import Reference
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.booked_orders import booked_order
from tests.kit.order_events import home, paid, record, refunded
from tests.kit.settled_book import SECOND, fill_settled
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, reference, usual

HOUR = DAY // 24
RULES = Rulebook(1, {"last_click": "last_click", "fair": "linear"}, 15 * DAY)
NO_BOOKS = BookedOrder([], [], Reference())


def touch(number: int, age: int | None, verdict: str = "not_last") -> dict[str, Any]:
    """A candidate of v_93 that came so long before the payment; None = a declaration."""
    return {
        "touch_id": None if age is None else f"clk_{number:03}",
        "content_id": "v_93", "koc_id": "k_7", "verdict": verdict,
        "touched_at": None if age is None else format_rfc3339(PAID_AT - age),
    }  # fmt: skip


def explained(fact: Fact, known: Reference | None = None, **line: Any) -> LineExplanation:
    """A line of which nothing is booked."""
    key = (fact.order_id, fact.line_id, fact.buyer_id)
    stored = Line(key, home(fact.buyer_id), fact.paid_at, fact.currency, fact.brand_id, **line)
    booked = BookedOrder([(stored, decode_credit(fact.wire()))], [], known or usual())
    return explained_lines(booked, None)[0]


def pictured(*touches: dict[str, Any]) -> Timeline:
    found = timeline(decode_credit(Fact(considered=touches).wire()), RULES.candidate_window)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def settled() -> BookDriver:
    book = BookDriver(MemoryStore())
    fill_settled(book)
    return book


def of_settled(book: BookDriver, order_id: str) -> LineExplanation:
    return explained_lines(booked_order(book, order_id, SECOND + DAY), None)[0]


# The answer


def test_the_answer_names_everybody_and_what_they_get() -> None:
    assert earnings_sentence(explained(Fact())) == (
        "Brand br_2 pays 40.00 CNY: KOC k_7 gets 25.20 CNY, agency m_1 gets 7.20 CNY, recruiter r_1 gets 3.60 CNY, "
        "the platform gets 4.00 CNY."
    )


@pytest.mark.parametrize(
    ("fact", "known", "answer"),
    [
        (Fact(status="cancelled"), usual(), "Nobody earns anything from this line, because the line is cancelled."),
        (Fact(credits=()), usual(), "Nobody earns anything from this line, because no touch was considered."),
        (
            Fact(credits=(), considered=(touch(1, HOUR, "same_account"), touch(2, DAY, "same_account"))),
            usual(),
            (
                "Nobody earns anything from this line, because no touch could be credited: the KOC is the buyer, and "
                "nobody earns from their own purchase."
            ),
        ),
        (Fact(goods_paid_minor=1), usual(), "Nobody earns anything from this line: its commission comes to nothing."),
    ],
)
def test_the_answer_says_why_nobody_earns_anything(fact: Fact, known: Reference, answer: str) -> None:
    assert earnings_sentence(explained(fact, known)) == answer


def test_the_answer_names_a_budget_that_was_empty() -> None:
    told = decode_credit(Fact().wire())
    empty = LineGrants({credit_name(one): Grant(20_000, 4_000, 0, 4_000) for one in told.credits}, 0)
    answer = earnings_sentence(explained(Fact(), grants=empty))
    assert answer == "Nobody earns anything from this line: nothing was left of the campaign's budget."


def test_a_line_without_a_plan_waits_for_one() -> None:
    one = explained(Fact(received_at=PAID_AT + DAY), reference(), unpriced="no_plan", unpriced_minor=20_000)
    assert earnings_sentence(one).endswith("no plan prices it, so 200.00 CNY waits for a plan.")
    assert stage_word(one) == WordsCell("without a plan", "wait")


@pytest.mark.parametrize(
    ("policy", "others", "why"),
    [
        ("last_click", [], "it is the only touch that counts"),
        ("last_click", [touch(2, DAY, "outside_window")], "it is the only touch that counts"),
        ("last_click", [touch(2, DAY)], "it is the last touch that counts"),
        ("fair", [touch(2, DAY, "credited")], "all touches that count share equally"),
        ("of_yesterday", [touch(2, DAY)], "policy of_yesterday decided so"),
    ],
)
def test_a_credit_says_which_touch_it_is_for_and_why(policy: str, others: list[dict[str, Any]], why: str) -> None:
    one = explained(Fact(policy=policy, considered=(touch(1, 13 * HOUR + HOUR // 2, "credited"), *others)))
    assert credit_sentences(one, RULES) == [
        f"KOC k_7 is credited with 100 % for the touch on content v_93, 13 h 30 min before the payment: {why}."
    ]


def test_a_policy_file_of_another_revision_does_not_say_why() -> None:
    one = explained(Fact(considered=(touch(1, HOUR, "credited"), touch(2, DAY))))
    (said,) = credit_sentences(one, RULES._replace(revision=2))
    assert said.endswith("policy last_click decided so.")


def test_a_declaration_is_no_touch() -> None:
    one = explained(Fact(considered=(touch(1, None, "credited"),)))
    assert credit_sentences(one, RULES) == [
        "KOC k_7 is credited with 100 %, because the platform declared content v_93."
    ]


def test_what_is_owed_back_is_named_by_party(settled: BookDriver) -> None:
    one = of_settled(settled, "o_0")
    assert stage_word(one) == WordsCell("clawed back", "bad")
    said = debt_sentence(one)
    assert said is not None
    assert said.startswith("What was settled and is no longer owed: KOC k_0 ")
    assert debt_sentence(explained(Fact())) is None


@pytest.mark.parametrize(
    ("micros", "said"), [(0, "0 s"), (61_000_000, "1 min 1 s"), (HOUR, "1 h 0 min"), (25 * HOUR, "1 d 1 h")]
)
def test_a_span_of_time_is_said_in_its_two_greatest_units(micros: int, said: str) -> None:
    assert duration(micros) == said


# The line of time


def test_touches_are_numbered_from_the_payment_backwards() -> None:
    told = decode_credit(Fact(considered=(touch(1, DAY), touch(2, HOUR), touch(3, None), touch(4, DAY))).wire())
    assert [(one.number, one.touch.touch_id) for one in numbered(told)] == [
        (1, None), (2, "clk_002"), (3, "clk_004"), (4, "clk_001"),
    ]  # fmt: skip


def places(found: Timeline) -> list[tuple[float, int]]:
    return [(float(mark.x.rstrip("%")), mark.y) for mark in found.marks]


@pytest.mark.parametrize("ages", [[HOUR] * 5, [DAY, DAY + 1, DAY + 2, HOUR], [n * HOUR for n in range(1, 40)]])
def test_no_mark_hides_another(ages: list[int]) -> None:
    found = pictured(*(touch(number, age) for number, age in enumerate(ages)))
    assert all(abs(a[0] - b[0]) >= 6.7 or abs(a[1] - b[1]) >= 20 for a, b in combinations(places(found), 2))
    assert all(0 < mark.y < found.axis_y < found.height for mark in found.marks)


def test_a_hundred_touches_at_once_are_counted_and_the_credited_one_is_shown() -> None:
    found = pictured(touch(999, HOUR, "credited"), *(touch(number, HOUR) for number in range(99)))
    assert len(found.marks) + sum(one.left_over for one in found.clusters) == 100
    (credited,) = [mark for mark in found.marks if mark.is_credited]
    assert credited.y == max(mark.y for mark in found.marks)
    assert all(one.y > 0 for one in found.clusters)


def test_the_payment_is_the_end_and_declarations_stand_right_of_it() -> None:
    found = pictured(touch(1, 0), touch(2, 15 * DAY), touch(3, None, "credited"))
    by_number = {mark.number: float(mark.x.rstrip("%")) for mark in found.marks}
    assert by_number[1] > float(found.paid_x.rstrip("%")) == by_number[2] > by_number[3]
    assert f"{by_number[3]:.2f}%" == found.window_x
    assert [one.text for one in found.ticks][:1] + [one.text for one in found.ticks][-1:] == ["15 d", "payment"]


def test_ticks_have_room_for_their_words() -> None:
    for age in (0, 60_000_000, HOUR, DAY, 15 * DAY):
        ticks = [float(one.x.rstrip("%")) for one in pictured(touch(1, age)).ticks]
        assert all(after - before >= 9.4 for before, after in pairwise(ticks))


def test_nothing_considered_has_no_picture() -> None:
    assert timeline(decode_credit(Fact().wire()), RULES.candidate_window) is None


# The bar


def test_the_parts_of_the_bar_fill_it_and_keep_the_exact_amounts() -> None:
    owed = [ClaimantExplanation(who, minor, 0) for who, minor in [("platform", 400), ("mcn:m", 720), ("koc:k", 2_520),
            ("star:s", 1), ("recruiter:r", 360), ("koc:nobody", 0)]]  # fmt: skip
    bar = share_bar(owed, "CNY")
    assert bar is not None
    assert [part.role for part in bar.parts] == ["koc", "mcn", "recruiter", "other", "platform"]
    assert sum(part.amount.amount_minor for part in bar.parts) == bar.total.amount_minor == 4_001
    left = [float(part.left.rstrip("%")) for part in bar.parts]
    width = [float(part.width.rstrip("%")) for part in bar.parts]
    assert [round(a + b, 1) for a, b in zip(left, width, strict=True)] == [*left[1:], 100.0]
    assert [part.percent for part in bar.parts] == ["63.0%", "18.0%", "9.0%", "0.0%", "10.0%"]


def test_a_line_worth_nothing_has_no_bar() -> None:
    assert share_bar([ClaimantExplanation("koc:k", 0, 5)], "CNY") is None


# The steps


def shared_story() -> LineStory:
    two = (FactCredit(weight_ppm=666_667), FactCredit("v_94", "k_8", None, "paid", "clk_02", weight_ppm=333_333))
    return line_story(1, explained(Fact(credits=two, platform_discount_minor=299, refunded_minor=5_000)), RULES)


def test_the_steps_of_each_credit_lead_to_what_everybody_gets() -> None:
    story = shared_story()
    assert story.bar is not None
    assert [one.share for one in story.workings] == ["66.6667 %", "33.3333 %"]
    assert [one.traffic for one in story.workings] == ["natural traffic", "paid traffic"]
    taken = [row[2].amount_minor for one in story.workings for row in one.steps[4:]]  # paid, refunded, base, commission
    assert sum(taken) == story.bar.total.amount_minor


def test_the_discount_is_named_where_the_plan_counts_it() -> None:
    def base_words(minor: int) -> str:
        known = usual(base="before_platform_discount")
        one = explained(Fact(platform_discount_minor=minor), known)
        return str(line_story(1, one, RULES).workings[0].steps[1][0].text)

    assert base_words(299) == "Base of the commission, with the platform's discount of 2.99 CNY"
    assert base_words(0) == "Base of the commission"


@pytest.mark.parametrize(
    ("order_id", "states"),
    [
        ("o_2", ["done", "done", "done", "now", "next", "next"]),
        ("o_5", ["done", "now", "stopped", "next", "next", "next"]),
        ("o_9", ["done", "done", "done", "now", "stopped", "next"]),
    ],
)
def test_the_steps_show_where_the_money_is(settled: BookDriver, order_id: str, states: list[str]) -> None:
    story = line_story(1, of_settled(settled, order_id), RULES)
    assert [step.state for step in story.steps] == states
    assert story.waits_for_payout == bool(unpaid_parties(of_settled(settled, order_id))) == (order_id != "o_5")


def test_a_line_that_is_worth_nothing_has_no_steps() -> None:
    assert line_story(1, explained(Fact(status="cancelled")), RULES).steps == []


def test_what_the_answer_has_said_is_no_obstacle_once_more() -> None:
    assert line_story(1, explained(Fact(status="cancelled")), RULES).obstacles == []
    frozen = line_story(1, explained(Fact(), quarantined="a person looks"), RULES)
    assert frozen.obstacles[0] == "the line is quarantined, so it stays at what is booked: a person looks"


def rows_of(story: LineStory, name: str) -> list[Sequence[Any]]:
    (table,) = [table for table in story.tables if table.name == name]
    return list(table.read(None, 1_000).rows)


def test_every_change_after_the_payment_is_a_row() -> None:
    fact = Fact().refunded(5_000).refunded(-2_000, event_id="o1_back")
    rows = rows_of(line_story(1, explained(fact), RULES), "changes-1")
    assert [(row[0], row[2].text, row[3].amount_minor) for row in rows] == [
        ("o1_ref", "refund", 5_000), ("o1_back", "refund taken back", 3_000),
    ]  # fmt: skip


def test_a_run_that_left_the_line_says_why_in_a_word_and_a_sentence(settled: BookDriver) -> None:
    rows = rows_of(line_story(1, of_settled(settled, "o_2"), RULES), "runs-1")
    assert all(isinstance(row[0], LinkCell) and row[0].href.startswith("/run/") for row in rows)
    assert rows[0][2] == WordsCell("settled", "good")


@pytest.mark.parametrize(
    ("cause", "href"),
    [
        ("settlement run run/1", "/run/run%2F1"),
        ("command c_1", "/command/c_1"),
        ("payout batch september", "/batch/september"),
        ("payout 2HJI66FNMOT2UN2UUYO2XCMQA5: confirmed", "/payout/2HJI66FNMOT2UN2UUYO2XCMQA5"),
    ],
)
def test_a_cause_leads_to_its_page(cause: str, href: str) -> None:
    assert cause_cell(cause) == LinkCell(cause, href)


@pytest.mark.parametrize("cause", ["order event o_1_paid", "credits of assertion 0-2", "spend.reported sp_1"])
def test_a_cause_without_a_page_is_words(cause: str) -> None:
    assert isinstance(cause_cell(cause), WordsCell)


# What the topics add


class Books:
    """Books, and an orders topic."""

    def __init__(self, booked: BookedOrder, *records: OrderLogRecord, on_its_way: bool = False) -> None:
        self._booked, self._published = booked, PublishedOrder(list(records), on_its_way)

    def booked(self, order_id: str) -> BookedOrder:
        del order_id
        return self._booked

    def published(self, order_id: str, booked: BookedOrder) -> PublishedOrder:
        del order_id, booked
        return self._published


@pytest.fixture
def no_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.operations.explain.touches.LiveTouchLibrary.traces", lambda *_: [])


def known_order() -> BookedOrder:
    return BookedOrder([(explained(Fact()).line, decode_credit(Fact().wire()))], [], usual())


def test_refunds_and_refused_events_of_a_known_order_come_from_the_topic() -> None:
    back = refunded("o_1_refund", "rf_1", 500)
    refused = record(refunded("o_1_late", "rf_2", 5), 9, EventRefusal("too_late", "…"))
    story = log_story("o_1", Books(known_order(), record(paid(), 0), record(back, 1), refused, on_its_way=True), RULES)
    refunds, letters = (list(table.read(None, 50).rows) for table in story.tables)
    assert story.answer is None
    assert [row[1] for row in refunds] == ["rf_1"]
    assert letters[0][0].href == f"/dead-letter/commerce.orders.v1/{home('b_1')}/9"
    assert len(story.remarks) == 1


@pytest.mark.usefixtures("no_clicks")
@pytest.mark.parametrize(
    ("records", "on_its_way", "words", "tone", "tables"),
    [
        ([], False, "no event of it was ever published", "wait", []),
        ([record(paid(), 0)], True, "still on its way", "wait", []),
        ([record(paid(), 0)], False, "has neither a touch that could be credited", "wait", ["touches"]),
        ([record(paid(), 7, EventRefusal("too_late", "…"))], False, "was refused as too_late", "bad", ["refused"]),
    ],
)
def test_an_order_that_the_books_do_not_know_says_why(
    records: list[OrderLogRecord], on_its_way: bool, words: str, tone: str, tables: list[str]
) -> None:
    story = log_story("o_1", Books(NO_BOOKS, *records, on_its_way=on_its_way), RULES)
    assert words in (story.answer or "")
    assert story.tone == tone
    assert [table.name for table in story.tables] == tables


@pytest.mark.usefixtures("no_clicks")
def test_why_not_me_is_answered_line_by_line() -> None:
    answer = claim_answer("o_1", Inquiry(None, "k_7"), Books(known_order()), RULES)
    assert [(one.line_id, one.outcome.text) for one in answer.lines] == [("1", "credited")]
    other = claim_answer("o_1", Inquiry(None, "k_9"), Books(known_order()), RULES)
    assert other.lines[0].outcome.text == "no candidate"
    assert [table.name for table in other.tables] == [other.lines[0].table]


@pytest.mark.usefixtures("no_clicks")
def test_why_not_me_of_an_order_that_nobody_published_says_so() -> None:
    answer = claim_answer("o_1", Inquiry(None, "k_7"), Books(NO_BOOKS), RULES)
    assert answer.refusal == "order o_1 is unknown: no event of it was ever published"
