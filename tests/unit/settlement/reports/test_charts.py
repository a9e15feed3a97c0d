"""Charts as their reader gets them: PNG that is not blank, SVG that is the same every time, a panel a currency."""

import io
from xml.etree import ElementTree as ET

import matplotlib.image
import pytest

from services.settlement.books.departed_kocs import DepartedMoney, OpenPayout
from services.settlement.domain.reporting.grouping import SalesBy
from services.settlement.domain.settling.ageing import AgedDebt
from services.settlement.reports.canvas import ChartForm, chart, short, stacked_bars
from services.settlement.reports.charts import offboarding_chart, sales_chart
from services.settlement.reports.offboarding import DepartedKoc, DueMoney, HeldMoney
from services.settlement.reports.sales_report import SalesReport
from tests.kit.sales_rows import report, row, sums

SHANGHAI = 480


def contents() -> SalesReport:
    rows = [row(f"v_{n}", of=sums(natural=9_000 - n, boosted=400, accrued_minor=1_000)) for n in range(30)]
    return report(SalesBy.CONTENT, *rows, row("v_1", of=sums(paid=5_000), currency="JPY"), since=0)


def families() -> SalesReport:
    rows = [
        row(f"f_{n}", platform, of=sums(natural=n + 1)) for n in range(4) for platform in ("douyin", "tiktok", None)
    ]
    return report(SalesBy.FAMILY, *rows, row(None, None, of=sums(no_credit=4), is_credited=False))


def launches() -> SalesReport:
    rows = [row("br_2", f"p_{n}", of=sums(natural=6), days=[n, 1, 0, 5]) for n in range(12)]
    return report(SalesBy.PRODUCT, *rows, launch_days=4)


def departed() -> list[DepartedKoc]:
    stored = DepartedMoney()
    stored.pending_minor, stored.payable_minor, stored.held_minor, stored.owed_minor = 700, 600, 300, 200
    stored.payouts = [OpenPayout("p1", 100)]
    due = DueMoney("CNY", stored, HeldMoney(300, 0, 0, 0), AgedDebt((200, 0, 0, 0), 0))
    return [DepartedKoc("k_59", 0, [], [], [due]), DepartedKoc("k_60", 0, [], [], [])]


def drawn(made: SalesReport, form: ChartForm) -> bytes:
    return sales_chart(made, made.rows, form, SHANGHAI)


@pytest.mark.parametrize("made", [contents(), families(), launches()], ids=["contents", "families", "launches"])
def test_a_png_is_a_picture_with_colours_in_it(made: SalesReport) -> None:
    check_picture(drawn(made, ChartForm.PNG))


def test_the_offboarding_chart_is_a_picture_with_colours_in_it() -> None:
    check_picture(offboarding_chart(departed(), ChartForm.PNG))


def check_picture(png: bytes) -> None:
    pixels = matplotlib.image.imread(io.BytesIO(png), format="png")
    height, width = pixels.shape[:2]
    assert width >= 1_200
    assert height >= 300
    colours = {tuple(colour) for colour in (pixels[::7, ::7, :3] * 255).astype(int).reshape(-1, 3)}
    assert (255, 255, 255) in colours
    assert any(max(colour) - min(colour) > 100 for colour in colours), "nothing but grey"
    assert (pixels[:, :, :3] < 1).mean() > 0.02, "nearly blank"


@pytest.mark.parametrize("form", list(ChartForm))
def test_the_same_report_gives_the_same_bytes(form: ChartForm) -> None:
    assert drawn(contents(), form) == drawn(contents(), form)


def test_an_svg_is_xml_with_a_panel_for_each_currency_and_no_date() -> None:
    root = ET.fromstring(drawn(contents(), ChartForm.SVG))  # noqa: S314 - our own picture
    panels = [one for one in root.iter() if one.get("id", "").startswith("axes_")]
    assert len(panels) == 2
    assert b"<dc:date>" not in drawn(contents(), ChartForm.SVG)


def texts(made: SalesReport) -> list[str]:
    """What an SVG says: the library leaves each text as a comment before its letters."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))  # noqa: S314 - our own picture
    root = ET.fromstring(drawn(made, ChartForm.SVG), parser)  # noqa: S314
    return [(one.text or "").strip() for one in root.iter() if one.tag is ET.Comment]


def test_a_chart_names_its_days_its_units_its_parts_and_what_it_leaves_out() -> None:
    said = texts(contents())
    assert "Net revenue by content and traffic" in said
    assert "paid from 1970-01-01 · ROI: contribution for 1 of cost" in said
    assert {"CNY: 20 of 30", "JPY", "net revenue, CNY", "net revenue, JPY"} <= set(said)
    assert {"natural", "boosted", "paid", "v_0", "v_19", "ROI 8.40"} <= set(said)
    assert not {"v_20", "no credit"} & set(said)


def test_a_chart_of_families_has_platforms_and_of_launches_the_first_products() -> None:
    assert {"douyin", "tiktok", "other or none", "f_3", "(no credit)"} <= set(texts(families()))
    said = set(texts(launches()))
    assert {"CNY: 8 of 12", "br_2 · p_7", "days of 24 hours since the first sale", "first sold at any time"} <= said
    assert "br_2 · p_8" not in said


def test_amounts_below_zero_go_to_the_left() -> None:
    with chart("a", "b", [2.0]) as (_, (panel,)):
        stacked_bars(
            panel, ["one"], [("due", "#000000", [5]), ("held", "#000000", [2]), ("owes", "#000000", [-3])], [""]
        )
        spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in panel.patches]
    assert spans == [(0, 5), (5, 7), (0, -3)]


def test_a_long_label_loses_its_middle() -> None:
    assert short("v_93") == "v_93"
    assert short("a" * 60 + "b" * 68) == "a" * 14 + "…" + "b" * 14
