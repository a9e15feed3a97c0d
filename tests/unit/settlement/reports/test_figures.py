"""Figures that follow from sums, and rows that are sorted by them."""

import pytest

from services.settlement.domain.reporting.figures import SalesSums, SortFigure, ratio_text
from services.settlement.domain.reporting.grouping import SalesBy
from services.settlement.reports.distinct import DistinctBuyers
from services.settlement.reports.sales_forms import sorted_rows
from tests.kit.sales_rows import report, row, sums


def test_contribution_and_roi_count_commission_script_fee_and_spend_whoever_paid_it() -> None:
    one = SalesSums(gmv_minor=20_000, net_revenue_minor=15_000, accrued_minor=1_000, settled_minor=3_000,
                    clawed_back_minor=1_000, script_fee_minor=30_000, spend_brand_minor=1, spend_platform_minor=20,
                    spend_koc_minor=300)  # fmt: skip
    assert (one.refunds_minor, one.commission_minor, one.spend_minor, one.cost_minor) == (5_000, 3_000, 321, 33_321)
    assert one.contribution_minor == -18_321
    assert one.roi_ppm == -549_834  # -0.549833...: rounded down


def test_there_is_no_roi_where_nothing_was_spent() -> None:
    assert SalesSums(net_revenue_minor=5).roi_ppm is None


@pytest.mark.parametrize(
    ("ppm", "text"),
    [(0, "0.00"), (2_345_000, "2.35"), (2_344_999, "2.34"), (-629_630, "-0.63"), (-4_999, "0.00"), (-5_001, "-0.01"),
     (12_000_000, "12.00")],
)  # fmt: skip
def test_a_ratio_has_two_decimals_and_is_rounded_half_up(ppm: int, text: str) -> None:
    assert ratio_text(ppm) == text


def test_an_order_counts_once_however_many_of_its_lines_there_are() -> None:
    one = SalesSums()
    for order_id in ("o_1", "o_1", "o_2"):
        one.count(order_id)
    assert (one.orders, one.lines) == (2, 3)


def test_buyers_are_counted_once_a_row_also_over_many_batches() -> None:
    with DistinctBuyers() as buyers:
        for number in range(25_000):
            buyers.add(number % 2, f"b_{number % 7_000}")
        buyers.add(7, "b_1")
        assert buyers.counts() == {0: 3_500, 1: 3_500, 7: 1}


def test_rows_are_sorted_within_their_currency_and_those_without_the_figure_come_last() -> None:
    rows = [
        row("v_a", of=sums(natural=100)),
        row("v_b", of=sums(natural=300, accrued_minor=100)),
        row("v_c", of=sums(natural=200, accrued_minor=10)),
        row("v_d", of=sums(natural=1), currency="AUD"),
    ]
    made = report(SalesBy.CONTENT, *rows)
    assert [one.key[0] for one in sorted_rows(made, SortFigure.NET_REVENUE, None)] == ["v_d", "v_b", "v_c", "v_a"]
    assert [one.key[0] for one in sorted_rows(made, SortFigure.ROI, None)] == ["v_d", "v_c", "v_b", "v_a"]
    assert [one.key[0] for one in sorted_rows(made, SortFigure.ROI, 1)] == ["v_d", "v_c"]


def test_equal_rows_are_sorted_by_their_names_and_no_credit_is_one_of_them() -> None:
    rows = [row("v_b", of=sums(natural=1)), row(None, of=sums(no_credit=1), is_credited=False),
            row("v_a", of=sums(paid=1))]  # fmt: skip
    found = sorted_rows(report(SalesBy.CONTENT, *rows), SortFigure.ORDERS, None)
    assert [one.key[0] for one in found] == [None, "v_a", "v_b"]
