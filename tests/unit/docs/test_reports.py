"""docs/reports.md defines each figure once: its tables name what the reports print, its commands are the commands."""

import re
import shlex

import pytest
import typer

from services.cli import report
from services.settlement.domain.reporting.figures import NO_CREDIT, TRAFFIC, SortFigure
from services.settlement.domain.reporting.grouping import SalesBy
from services.settlement.reports.charts import MOST_BARS, MOST_CURVES
from services.settlement.reports.sales_forms import report_body
from tests.kit.sales_rows import report as made_report
from tests.kit.sales_rows import row, sums
from tests.kit.source import ROOT

PAGE = (ROOT / "docs/reports.md").read_text()
WORDS = " ".join(PAGE.split())
"""The page in one line: a sentence may be wrapped anywhere."""


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_figure_of_a_row_is_defined_and_nothing_else() -> None:
    made = made_report(SalesBy.KOC, row("k_1", of=sums(natural=1)))
    (body,) = report_body(made, made.rows)["rows"]  # type: ignore[misc]
    printed = {name.removesuffix("_minor") for name in body} - {"koc_id", "currency", "is_credited", "roi_ppm"} | {
        "roi"
    }
    parts = {*TRAFFIC, NO_CREDIT, "spend_brand", "spend_platform", "spend_koc"}
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section("The figures"), re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == printed - parts
    assert "`natural + boosted + paid + no credit` is the net revenue" in WORDS
    assert "paid traffic, whoever paid it: brand + platform + KOC" in WORDS


def commands() -> list[str]:
    return sorted(set(re.findall(r"`(koc report [^`]+)`", PAGE)))


def test_every_command_of_koc_report_is_on_the_page() -> None:
    known = typer.main.get_command(report.app).commands  # type: ignore[attr-defined]
    assert {words.split()[2] for words in commands()} == set(known)


@pytest.mark.parametrize("words", commands())
def test_each_command_of_the_page_is_understood(words: str) -> None:
    name, *options = shlex.split(words)[2:]
    command = typer.main.get_command(report.app).commands[name]  # type: ignore[attr-defined]
    assert command.make_context(name, options).command is command


def test_the_words_that_rows_are_sorted_by_and_what_a_chart_shows_are_those_of_the_code() -> None:
    named = re.search(r"`--sort roi` \| .*?: (.*), … \|", PAGE)
    assert named is not None
    assert set(re.findall(r"`(\w+)`", named[1])) <= {one.value for one in SortFigure}
    assert f"the first {MOST_BARS} rows of each currency, of launches the first {MOST_CURVES} |" in PAGE
