"""Amounts a hair from the journal's limit: what the journal cannot hold is never booked, whatever was booked before."""

from services.kernel.money import MAX_AMOUNT_MINOR
from services.settlement.domain.lines.booking import REST, book_assertion
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.worth import exceeds_limit, worth_of
from services.settlement.domain.pricing.plans import Split
from services.settlement.domain.pricing.relations import Relation
from tests.kit.settlement_facts import BOTH, DAY, PAID_AT, Fact, FactCredit, FactStep, plan, reference

EVERYTHING = reference(plan(rate_ppm=1_000_000, splits=()))


def test_a_small_worth_after_a_huge_one_is_one_row_where_its_events_would_exceed_the_limit() -> None:
    huge = Fact(goods_paid_minor=MAX_AMOUNT_MINOR, steps=(FactStep("paid"), FactStep("refund", PAID_AT + DAY, 100)))
    small = Fact(
        goods_paid_minor=100,
        steps=(FactStep("paid_again"), FactStep("refund", PAID_AT + DAY, 100), FactStep("reversal", PAID_AT + 2 * DAY)),
    )
    line = Line((huge.order_id, huge.line_id, huge.buyer_id), 3, huge.paid_at, huge.currency, huge.brand_id)
    book_assertion(line, huge, EVERYTHING, "why")
    (row,) = book_assertion(line, small, EVERYTHING, "why")
    assert (row.step, row.legs["brand:br_2:accrued"]) == (REST, 100 - MAX_AMOUNT_MINOR)
    assert not exceeds_limit(row.legs)


def test_a_line_that_only_rounding_puts_over_the_limit_is_set_aside() -> None:
    """Two plans with different bases: each base is allocated by itself, and units by rounding fall where both count."""
    shares = (Split("mcn", "base", 1_000_000), Split("recruiter", "base", 1_000_000))
    both = plan(
        "pl_discount", base="before_platform_discount", rate_ppm=1_000_000, splits=shares, koc_ids=frozenset({"k_8"})
    )
    paid = plan("pl_paid", rate_ppm=1_000_000, splits=shares, koc_ids=frozenset({"k_7"}))
    weights = {"v_0": ("k_8", 538_619), "v_1": ("k_7", 307_842), "v_2": ("k_8", 968_091), "v_3": ("k_8", 740_953)}
    credited = tuple(FactCredit(name, koc_id, weight_ppm=weight) for name, (koc_id, weight) in weights.items())
    known = reference(both, paid, BOTH, Relation("k_8", BOTH.parties, BOTH.effective_from))
    third = MAX_AMOUNT_MINOR // 3
    worth = worth_of(Fact(goods_paid_minor=third - 2, platform_discount_minor=2, credits=credited), known)
    assert worth.target == {}
    assert worth.set_aside is not None
