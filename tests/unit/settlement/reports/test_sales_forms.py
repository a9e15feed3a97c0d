"""A sales report as JSON and as CSV."""

import csv
import io

from services.settlement.domain.reporting.grouping import SalesBy
from services.settlement.reports.sales_forms import csv_lines, report_body
from tests.kit.sales_rows import report, row, sums

SOLD = sums(natural=10_000, paid=5_001, gmv_minor=20_001, accrued_minor=1_500, script_fee_minor=3_000,
            spend_koc_minor=250)  # fmt: skip


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_json_has_minor_units_filters_and_what_the_registry_says_of_a_content() -> None:
    made = report(SalesBy.CONTENT, row("v_1", of=SOLD), since=0, brand_id="br_2")
    body = report_body(made, made.rows)
    assert body["filters"] == {"since": "1970-01-01T00:00:00Z", "until": None, "brand_id": "br_2", "campaign_id": None,
                               "koc_id": None, "launch_days": None}  # fmt: skip
    (found,) = body["rows"]  # type: ignore[misc]
    assert found["content_id"] == "v_1"
    assert (found["koc_id"], found["platform"], found["content_family_id"]) == ("k_1", "douyin", "=f_1")
    assert (found["net_revenue_minor"], found["refunds_minor"]) == (15_001, 5_000)
    assert (found["contribution_minor"], found["roi_ppm"]) == (10_251, 2_158_105)
    assert body["traffic"] == [
        {"currency": "CNY", "traffic": traffic, "orders": 2, "lines": 3, "gmv_minor": 20_001, "refunds_minor": 5_000,
         "net_revenue_minor": 15_001, "commission_minor": 1_500} for traffic in ("natural", "no_credit")
    ]  # fmt: skip


def test_rows_that_a_limit_leaves_out_are_counted() -> None:
    made = report(SalesBy.KOC, row("k_1", of=SOLD), row("k_2", of=SOLD))
    assert report_body(made, made.rows[:1])["rows_total"] == 2


def test_csv_has_decimals_of_the_currency_and_defuses_formulas() -> None:
    made = report(SalesBy.CONTENT, row("v_1", of=SOLD), row("@v", of=SOLD, currency="JPY"),
                  row(None, of=sums(no_credit=7), is_credited=False, currency="KWD"))  # fmt: skip
    first, second, third = cells("".join(csv_lines(made, made.rows)))
    assert (first["content_id"], first["content_family_id"], first["net_revenue"]) == ("v_1", "'=f_1", "150.01")
    assert (first["roi"], first["contribution"], first["is_credited"]) == ("2.16", "102.51", "yes")
    assert (second["content_id"], second["net_revenue"]) == ("'@v", "15001")
    assert (third["content_id"], third["is_credited"], third["net_revenue"], third["roi"]) == ("", "no", "0.007", "")


def test_a_loss_stays_a_number_for_a_spreadsheet() -> None:
    made = report(SalesBy.KOC, row("k_1", of=sums(natural=100, script_fee_minor=30_000)))
    (found,) = cells("".join(csv_lines(made, made.rows)))
    assert (found["contribution"], found["roi"]) == ("-299.00", "-1.00")


def test_a_product_has_neither_script_fees_nor_spend_and_a_launch_has_days() -> None:
    made = report(SalesBy.PRODUCT, row("br_2", "p_1", of=SOLD, days=[15_000, 1]), launch_days=2)
    made.first_sales = {("br_2", "p_1"): 0}
    (found,) = report_body(made, made.rows)["rows"]  # type: ignore[misc]
    assert not {name for name in found if "script" in name or "spend" in name}
    assert (found["net_revenue_by_day_minor"], found["first_sale_at"]) == ([15_000, 1], "1970-01-01T00:00:00Z")
    assert cells("".join(csv_lines(made, made.rows)))[0]["first_sale_at"] == "1970-01-01T00:00:00Z"
