"""Which rows a line's new truth writes, and when each takes effect (docs/settlement.md, Dates)."""

import pytest

from services.kernel.money import MAX_AMOUNT_MINOR
from services.settlement.domain.book.drafts import ONLY
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.periods import month_after, period_of
from services.settlement.domain.lines.booking import REST, book_assertion, book_reprice
from services.settlement.domain.lines.line import OTHER_PAID_AT, ContentConflict, Line
from services.settlement.domain.lines.vectors import NOTHING, Precedence, dominates, fold, join
from services.settlement.domain.pricing.reference import Reference
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, FactStep, FactVersion, reference, usual


def line_of(fact: Fact) -> Line:
    return Line((fact.order_id, fact.line_id, fact.buyer_id), 3, fact.paid_at, fact.currency, fact.brand_id)


def brand_moves(rows: list) -> list[tuple[Kind, str, int, int]]:
    return [(row.kind, row.step, row.effective_at, row.legs.get("brand:br_2:accrued", 0)) for row in rows]


def test_an_accrual_is_dated_when_paid_and_each_refund_when_it_happened() -> None:
    fact = Fact().refunded(5_000).refunded(15_000, event_id="o1_ref2", at=PAID_AT + 40 * DAY)
    rows = book_assertion(line_of(fact), fact, usual(), "why")
    assert brand_moves(rows) == [
        (Kind.COMMISSION_ACCRUED, "0", PAID_AT, 4000),
        (Kind.COMMISSION_ADJUSTED, "1", PAID_AT + 4 * DAY, -1000),
        (Kind.COMMISSION_ADJUSTED, "2", PAID_AT + 40 * DAY, -3000),
    ]
    assert [row.cause for row in rows] == ["order event o1_paid", "order event o1_ref", "order event o1_ref2"]


def test_a_batch_size_does_not_move_a_refund_into_another_month() -> None:
    first = Fact().refunded(5_000)
    second = first.refunded(1_000, event_id="o1_ref2", at=PAID_AT + 40 * DAY)
    apart, at_once = line_of(first), line_of(first)
    rows = [row for fact in (Fact(), first, second) for row in book_assertion(apart, fact, usual(), "why")]
    assert brand_moves(rows) == brand_moves(book_assertion(at_once, second, usual(), "why"))


def test_a_changed_credit_is_one_more_row_at_as_of_before_the_new_refund() -> None:
    line = line_of(Fact())
    book_assertion(line, Fact(), usual(), "why")
    late = Fact().but(credits=(FactCredit("v_2", "k_8"),)).refunded(10_000)
    rows = book_assertion(line, late, usual(), "credits of assertion 3-7")
    assert [(row.step, row.cause, row.effective_at) for row in rows] == [
        (REST, "credits of assertion 3-7", late.as_of),
        ("1", "order event o1_ref", PAID_AT + 4 * DAY),
    ]
    held = 0
    for row in rows:
        held += row.legs.get("koc:k_8:pending", 0)
        assert held <= 0, "pending in debit between two rows"
    assert line.booked == {"brand:br_2:accrued": 2000, "platform:fee_deferred": -200, "koc:k_8:pending": -1800}


def test_the_rest_brings_what_was_booked_under_an_older_price_to_the_target() -> None:
    line = line_of(Fact())
    line.booked, line.booked_steps = {"brand:br_2:accrued": 1, "koc:old:pending": -1}, ("o1_paid",)
    rows = book_assertion(line, Fact(), usual(), "why")
    assert brand_moves(rows) == [(Kind.COMMISSION_ADJUSTED, REST, Fact().as_of, 3999)]
    assert rows[0].legs["koc:old:pending"] == 1


def test_nothing_new_writes_nothing() -> None:
    line = line_of(Fact())
    book_assertion(line, Fact(), usual(), "why")
    assert book_assertion(line, Fact(status="received"), usual(), "why") == []
    assert book_reprice(line, Fact(), usual(), "why", PAID_AT) == []


def test_a_line_without_a_plan_is_kept_at_zero_with_its_reason_and_priced_when_one_comes() -> None:
    line = line_of(Fact())
    assert book_assertion(line, Fact(), Reference(), "why") == []
    assert (line.unpriced, line.unpriced_minor, line.booked) == ("no_plan", 20_000, {})
    (row,) = book_reprice(line, Fact(), usual(), "plan.published pl_1 1", PAID_AT + DAY)
    assert (row.kind, row.effective_at, row.cause) == (Kind.COMMISSION_ACCRUED, PAID_AT, "order event o1_paid")
    assert (line.unpriced, line.unpriced_minor, line.booked["brand:br_2:accrued"]) == (None, 0, 4000)


def test_f02_a_plan_that_comes_late_books_the_sale_when_it_was_and_each_refund_when_it_was() -> None:
    fact = Fact().refunded(5_000)
    line = line_of(fact)
    assert book_assertion(line, fact, Reference(), "why") == []
    rows = book_reprice(line, fact, usual(), "plan.published pl_1 1", PAID_AT - 60 * DAY)
    assert brand_moves(rows) == [
        (Kind.COMMISSION_ACCRUED, "0", PAID_AT, 4000),
        (Kind.COMMISSION_ADJUSTED, "1", PAID_AT + 4 * DAY, -1000),
    ]
    assert book_reprice(line, fact, usual(), "again", PAID_AT) == []


def test_f02_a_price_that_changes_is_never_dated_before_the_sale() -> None:
    line = line_of(Fact())
    book_assertion(line, Fact(), usual(), "why")
    (early,) = book_reprice(line, Fact(), usual(rate_ppm=100_000), "plan.published pl_1 2", PAID_AT - DAY)
    (late,) = book_reprice(line, Fact(), usual(), "plan.published pl_1 3", PAID_AT + DAY)
    assert [(row.step, row.effective_at) for row in (early, late)] == [(ONLY, PAID_AT), (ONLY, PAID_AT + DAY)]


def test_a_plan_that_goes_and_comes_again_books_the_events_anew() -> None:
    fact = Fact().refunded(5_000)
    line = line_of(fact)
    book_assertion(line, fact, usual(), "why")
    (back,) = book_reprice(line, fact, Reference(), "plan.published pl_1 2", PAID_AT + 9 * DAY)
    assert (back.step, back.legs["brand:br_2:accrued"], line.booked) == (ONLY, -3000, {})
    again = book_reprice(line, fact, usual(), "plan.published pl_1 3", PAID_AT + 10 * DAY)
    assert [move[-1] for move in brand_moves(again)] == [4000, -1000]


HUGE = 2 * MAX_AMOUNT_MINOR
OVER = Fact(goods_paid_minor=MAX_AMOUNT_MINOR, platform_discount_minor=MAX_AMOUNT_MINOR)
ALL_OF_IT = usual(rate_ppm=1_000_000, base="before_platform_discount")


def test_f01_a_line_over_the_journals_limit_is_set_aside_and_books_nothing() -> None:
    line = line_of(OVER)
    assert book_assertion(line, OVER, ALL_OF_IT, "why") == []
    assert line.set_aside == f"{HUGE} on brand:br_2:accrued is over the journal's limit of {MAX_AMOUNT_MINOR}"
    assert (line.booked, line.booked_steps) == ({}, ())


def test_a_line_that_is_set_aside_is_tried_again_at_its_next_price_and_books_its_events_then() -> None:
    line = line_of(OVER)
    book_assertion(line, OVER, ALL_OF_IT, "why")
    (row,) = book_reprice(line, OVER, usual(), "plan.published pl_1 2", PAID_AT + DAY)
    assert (row.kind, row.effective_at) == (Kind.COMMISSION_ACCRUED, PAID_AT)
    assert line.set_aside is None
    (back,) = book_reprice(line, OVER, ALL_OF_IT, "plan.published pl_1 3", PAID_AT + 2 * DAY)
    assert back.legs == {account: -amount for account, amount in row.legs.items()}
    assert (line.set_aside is not None, line.booked) == (True, {})


def test_whether_a_line_is_set_aside_does_not_depend_on_what_was_booked_before() -> None:
    small = OVER.but(goods_paid_minor=MAX_AMOUNT_MINOR // 4, platform_discount_minor=MAX_AMOUNT_MINOR // 4)
    through, at_once = line_of(OVER), line_of(OVER)
    assert book_assertion(through, small, ALL_OF_IT, "why") != []
    book_assertion(through, OVER, ALL_OF_IT, "why")
    book_assertion(at_once, OVER, ALL_OF_IT, "why")
    assert (through.booked, through.set_aside) == (at_once.booked, at_once.set_aside)


def test_a_line_is_set_aside_too_if_only_an_event_of_its_past_was_over_the_limit() -> None:
    refunded = OVER.refunded(MAX_AMOUNT_MINOR * 3 // 4)
    line = line_of(refunded)
    assert book_assertion(line, refunded, ALL_OF_IT, "why") == []
    assert line.set_aside is not None


def test_differences_over_the_limit_become_one_row_from_the_old_price_to_the_new() -> None:
    full = Fact(goods_paid_minor=MAX_AMOUNT_MINOR)
    everything = usual(rate_ppm=1_000_000)
    line = line_of(full)
    back_and_forth = full
    for number in range(4):
        back_and_forth = back_and_forth.refunded(MAX_AMOUNT_MINOR, event_id=f"ref{number}", at=PAID_AT + number * DAY)
        back_and_forth = back_and_forth.but(
            refunded_minor=0,
            steps=(*back_and_forth.steps, FactStep(f"rev{number}", PAID_AT + number * DAY + 1)),
        )
    book_assertion(line, full, everything, "why")
    line.booked_steps = tuple(s.event_id for s in back_and_forth.steps if not s.event_id.startswith("ref"))
    assert book_assertion(line, back_and_forth, everything, "why") == []
    assert line.booked["brand:br_2:accrued"] == MAX_AMOUNT_MINOR


def test_a_quarantined_line_stays_at_what_is_booked() -> None:
    line = line_of(Fact())
    book_assertion(line, Fact(), usual(), "why")
    line.quarantined = "by hand"
    booked = dict(line.booked)
    assert book_assertion(line, Fact().refunded(20_000), usual(), "why") == []
    assert book_reprice(line, Fact(), reference(), "why", PAID_AT) == []
    assert line.booked == booked


def test_the_period_is_the_local_month_and_never_a_closed_one() -> None:
    november_in_shanghai = PAID_AT - 9 * DAY // 24 - 8 * DAY // 24
    assert period_of(november_in_shanghai, 480, None) == "2026-11"
    assert period_of(november_in_shanghai - 1, 480, None) == "2026-10"
    assert period_of(november_in_shanghai - 1, 480, "2026-12") == "2026-12"
    assert period_of(PAID_AT, 480, "2026-09") == "2026-11"
    assert [month_after(month) for month in ("2026-01", "2026-11", "2026-12")] == ["2026-02", "2026-12", "2027-01"]


def test_vectors_compare_the_log_first_and_the_rest_component_by_component() -> None:
    assert dominates((0, 1, 2, 2), (0, 1, 2, 1))
    assert not dominates((0, 1, 3, 1), (0, 1, 2, 2))
    assert dominates((1, 0, 0, 0), (0, 9, 9, 9))
    assert join((0, 1, 3, 1), (0, 1, 2, 2)) == (0, 1, 3, 2)
    assert join((1, 0, 0, 0), (0, 9, 9, 9)) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("asserted", "verdict", "vector", "joined"),
    [
        ((0, 1, 5, 5), Precedence.SAME, (0, 1, 5, 5), (0, 1, 6, 5)),
        ((0, 1, 4, 5), Precedence.DOMINATED, (0, 1, 5, 5), (0, 1, 6, 5)),
        ((0, 1, 4, 6), Precedence.INCOMPARABLE, (0, 1, 5, 5), (0, 1, 6, 6)),
        ((0, 1, 6, 6), Precedence.ACCEPTED, (0, 1, 6, 6), (0, 1, 6, 6)),
        ((1, 1, 0, 0), Precedence.ACCEPTED, (1, 1, 0, 0), (1, 1, 0, 0)),
    ],
)
def test_only_what_dominates_is_accepted(asserted: tuple, verdict: Precedence, vector: tuple, joined: tuple) -> None:
    assert fold((0, 1, 5, 5), (0, 1, 6, 5), asserted) == (verdict, vector, joined)
    assert fold(NOTHING, NOTHING, asserted) == (Precedence.ACCEPTED, asserted, asserted)


def test_a_line_is_below_its_join_until_the_complete_assertion_comes() -> None:
    line = line_of(Fact())
    for number, (touch, order) in enumerate([(2, 1), (1, 2)]):
        line.take(Fact(version=FactVersion(0, 1, touch, order)), now=number)
    assert line.below_join
    assert line.below_since == 1
    line.take(Fact(version=FactVersion(0, 1, 2, 2)), now=9)
    assert (line.below_join, line.below_since) == (False, None)


def test_an_equal_vector_with_other_content_is_refused_unless_the_line_is_quarantined() -> None:
    line = line_of(Fact())
    line.take(Fact(), now=1)
    assert line.take(Fact(shop_id="s_9"), now=1) is Precedence.SAME  # decides no money
    with pytest.raises(ContentConflict, match=r"of line o_1/1 have") as conflict:
        line.take(Fact(goods_paid_minor=1), now=1)
    assert "b_1" not in str(conflict.value)
    line.quarantined = "by hand"
    assert line.take(Fact(goods_paid_minor=1), now=1) is Precedence.SAME


def test_another_paid_at_freezes_the_line() -> None:
    line = line_of(Fact())
    line.take(Fact(), now=1)
    line.take(Fact(paid_at=PAID_AT + 1, version=FactVersion(order=2)), now=1)
    assert line.quarantined == OTHER_PAID_AT


def test_steps_that_cancel_reverse_everything() -> None:
    fact = Fact(status="cancelled", steps=(FactStep(), FactStep("o1_canc", PAID_AT + DAY, 0, cancelled=True)))
    line = line_of(fact)
    rows = book_assertion(line, fact, usual(), "why")
    assert [move[3] for move in brand_moves(rows)] == [4000, -4000]
    assert line.booked == {}
