"""A line's shares add up to the line, whatever it went through; worked by hand."""

from services.settlement.domain.lines.terms import NO_GRANTS, Terms
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.reporting.line_shares import LineShare, PlannedShares, SoldLine, share_line
from services.settlement.domain.settling.parts import CreditPart
from services.settlement.domain.settling.shares import Shares
from tests.kit.settlement_facts import PAID_AT, Fact, FactCredit, usual

WORKED = {"koc:k_7": 2_520, "mcn:m_1": 720, "recruiter:r_1": 360, "platform": 400}
QUARTER_REFUNDED = {"koc:k_7": 1_890, "mcn:m_1": 540, "recruiter:r_1": 270, "platform": 300}
SETTLED_BY_A_RUN = PlannedShares(WORKED, [CreditPart("v_93", "k_7", "pl_1|1", 20_000, 4_000, WORKED)])
HALVES = (FactCredit("v_1", "k_7", "c_1", "boosted", weight_ppm=500_000),
          FactCredit("v_2", "k_8", None, "paid", weight_ppm=500_000))  # fmt: skip


def line(fact: Fact, owed: Shares, settled: Shares | None = None, *plans: PlannedShares, **other: bool) -> SoldLine:
    key = fact.order_id, fact.line_id, fact.buyer_id
    terms = Terms(1, 10**6, PAID_AT) if settled else None
    return SoldLine(key, fact.brand_id, fact.currency, fact.paid_at, other.get("is_standing", True), owed,
                    settled or {}, terms, NO_GRANTS, fact, plans)  # fmt: skip


def shares(sold: SoldLine, reference: Reference | None = None) -> list[LineShare]:
    return share_line(sold, reference or usual())


def test_the_worked_order_is_its_contents_alone() -> None:
    (share,) = shares(line(Fact(), WORKED))
    assert share == LineShare("v_93", "k_7", "c_1111", "natural", is_sale=True, gmv_minor=20_000,
                              net_revenue_minor=20_000, accrued_minor=4_000, koc_minor=2_520)  # fmt: skip


def test_after_a_run_and_a_refund_the_settled_rest_stands_and_each_partys_part_is_claimed_back() -> None:
    sold, lost = shares(line(Fact().refunded(5_000), QUARTER_REFUNDED, WORKED, SETTLED_BY_A_RUN))
    assert (sold.gmv_minor, sold.net_revenue_minor) == (20_000, 15_000)
    assert (sold.accrued_minor, sold.settled_minor, sold.clawed_back_minor, sold.koc_minor) == (0, 3_000, 0, 1_890)
    assert lost == LineShare("v_93", "k_7", "c_1111", None, is_sale=False, settled_minor=1_000, clawed_back_minor=1_000)


def test_a_cancelled_line_has_sold_nothing_whatever_was_refunded() -> None:
    (share,) = shares(line(Fact(status="cancelled", refunded_minor=1), {}))
    assert (share.gmv_minor, share.net_revenue_minor, share.is_sale) == (20_000, 0, True)


def test_a_line_without_credit_belongs_to_nobody() -> None:
    (share,) = shares(line(Fact(credits=()), {}))
    assert share == LineShare(None, None, None, None, is_sale=True, gmv_minor=20_000, net_revenue_minor=20_000)
    assert not share.is_credited


def test_an_odd_cent_goes_to_one_of_two_halves_and_both_come_to_the_line() -> None:
    owed = {"koc:k_7": 640, "koc:k_8": 640, "platform": 100}
    found = shares(line(Fact(goods_paid_minor=10_001, credits=HALVES), owed))
    assert [share.content_id for share in found] == ["v_1", "v_2"]
    assert sorted(share.gmv_minor for share in found) == [5_000, 5_001]
    assert sum(share.accrued_minor for share in found) == sum(owed.values())


def test_a_share_of_the_price_is_the_price_of_the_credit() -> None:
    """k_7 has an agency and a recruiter, k_8 has none."""
    first = {"platform": 200, "mcn:m_1": 360, "recruiter:r_1": 180, "koc:k_7": 1_260}
    second = {"platform": 200, "koc:k_8": 1_800}
    found = shares(line(Fact(credits=HALVES), {**first, **second, "platform": 400}))
    assert [(share.accrued_minor, share.koc_minor) for share in found] == [(2_000, 1_260), (2_000, 1_800)]


def test_a_line_that_is_booked_at_another_price_is_spread_in_proportion_to_the_price() -> None:
    """Frozen at half of what it is worth now, and with a party that the price does not know: by the weights."""
    found = shares(line(Fact(credits=HALVES), {"koc:k_7": 630, "koc:k_8": 900, "platform": 200, "mcn:m_9": 11}))
    assert [share.koc_minor for share in found] == [630, 900]
    assert [share.accrued_minor for share in found] == [630 + 100 + 6, 900 + 100 + 5]


def test_a_line_that_lost_its_place_has_no_sale_and_all_that_was_settled_is_claimed_back() -> None:
    sold, lost = shares(line(Fact(), {}, WORKED, SETTLED_BY_A_RUN, is_standing=False))
    assert not any(sold[5:])
    assert not sold.is_sale
    assert (lost.content_id, lost.settled_minor, lost.clawed_back_minor) == ("v_93", 4_000, 4_000)


def test_what_is_claimed_back_stays_with_the_content_through_which_it_was_settled() -> None:
    """A late touch gives the line to k_8: k_7 owes back what it got, and the new commission waits for a run."""
    late = Fact(credits=(FactCredit("v_2", "k_8", "c_2", "paid"),))
    now = {"koc:k_8": 3_600, "platform": 400}
    sold, lost = shares(line(late, now, WORKED, SETTLED_BY_A_RUN))
    assert (sold.content_id, sold.accrued_minor, sold.settled_minor) == ("v_2", 3_600, 400)
    assert (lost.content_id, lost.koc_id, lost.campaign_id, lost.clawed_back_minor) == ("v_93", "k_7", None, 3_600)


def test_only_what_a_run_added_counts_for_its_contents() -> None:
    """k_7 was settled 10.00 through v_1; a second run, by v_2, added 5.00 to that. Then all is refunded."""
    plans = (
        PlannedShares({"koc:k_7": 1_000}, [CreditPart("v_1", "k_7", "pl_1|1", 5_000, 1_000, {"koc:k_7": 1_000})]),
        PlannedShares({"koc:k_7": 1_500}, [CreditPart("v_2", "k_7", "pl_1|1", 7_500, 1_500, {"koc:k_7": 1_500})]),
    )
    fact = Fact(refunded_minor=20_000, credits=(FactCredit("v_2"),))
    _, *lost = shares(line(fact, {}, {"koc:k_7": 1_500}, *plans))
    assert [(share.content_id, share.clawed_back_minor) for share in lost] == [("v_1", 1_000), ("v_2", 500)]


def test_what_no_run_explains_is_claimed_back_through_no_content() -> None:
    _, lost = shares(line(Fact(refunded_minor=20_000), {}, {"koc:k_7": 100}))
    assert (lost.content_id, lost.koc_id, lost.clawed_back_minor) == (None, None, 100)
