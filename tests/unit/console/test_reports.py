"""Reports of the console: what an address asks for, what is kept, and what pages show of a report."""

import re
import threading
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine
from starlette.requests import Request
from starlette.testclient import TestClient

from services.console import app as app_of_console
from services.console.app import console_app
from services.console.content_figures import content_figures, figures_table
from services.console.jobs import FAILED_SECONDS, Jobs
from services.console.pages.report import currency_figures, sales_table
from services.console.reports.compute import StoredReport
from services.console.reports.library import KIND, MOST_REPORTS, ReportLibrary
from services.console.reports.question import EVERY_CONTENT, ReportQuestion
from services.console.state import Console
from services.console.tables import csv_lines
from services.kernel.errors import InputRefused, StartRefused
from services.kernel.time import SECOND, parse_rfc3339, to_micros
from services.settlement.domain.reporting.figures import SalesSums, SortFigure
from services.settlement.domain.reporting.grouping import Grouping, RegisteredContent, SalesBy, Selection
from services.settlement.reports.sales_report import SalesReport, SalesRow
from tests.kit.waiting import until

ADDRESS = {"by": "koc", "month": "2026-11", "brand_id": "br_1", "campaign_id": "", "koc_id": " k_7 "}


def stored(question: ReportQuestion, *rows: SalesRow) -> StoredReport:
    contents = {"v_1": RegisteredContent("k_7", "tiktok", "br_1"), "v_2": RegisteredContent("k_8", "weibo", "br_2")}
    report = SalesReport(question.by, Selection(), None, list(rows), grouping=Grouping(question.by, contents))
    for row in rows:
        report.totals[row.currency] = row.sums
    return StoredReport(question, report, to_micros(datetime.now(UTC)), 0.5, {"v_3": RegisteredContent("k_7")})


def row(content_id: str | None, sold: int, currency: str = "CNY", **more: int) -> SalesRow:
    sums = SalesSums(lines=1, orders=1, net_revenue_minor=sold, gmv_minor=sold, **more)
    return SalesRow((content_id,), content_id is not None, currency, sums, [])


def test_an_address_says_what_a_report_is_about() -> None:
    question = ReportQuestion.read(ADDRESS)
    assert question == (SalesBy.KOC, "2026-11", "br_1", None, "k_7")
    assert ReportQuestion.read(question.parameters()) == question
    selection = question.selection(8 * 60)
    assert selection.since == parse_rfc3339("2026-11-01T00:00:00+08:00")
    assert selection.until == parse_rfc3339("2026-12-01T00:00:00+08:00")


@pytest.mark.parametrize("wrong", [{"by": "moon"}, {"month": "2026-13"}, {"koc_id": "k\x00"}, {"brand_id": "b" * 257}])
def test_an_address_that_no_report_answers_is_refused(wrong) -> None:
    with pytest.raises(InputRefused):
        ReportQuestion.read(wrong)


def test_a_report_is_computed_once_and_kept() -> None:
    asked, go_on = [], threading.Event()

    def compute(question, _say):
        asked.append(question)
        assert go_on.wait(60)
        return stored(question)

    jobs, library = Jobs(), ReportLibrary(compute)
    first = library.ask(jobs, EVERY_CONTENT)
    assert first.is_under_way
    go_on.set()
    until(lambda: (one := library.ask(jobs, EVERY_CONTENT)).stored and not one.is_under_way, "the report")
    assert asked == [EVERY_CONTENT]
    library.ask(jobs, EVERY_CONTENT, is_anew=True)
    until(lambda: len(asked) == 2, "the report once more")


def test_another_report_waits_for_the_one_that_is_being_computed() -> None:
    go_on = threading.Event()

    def compute(question, _say):
        assert go_on.wait(10)
        return stored(question)

    jobs, library, other = Jobs(), ReportLibrary(compute), ReportQuestion(SalesBy.KOC)
    library.ask(jobs, EVERY_CONTENT)
    waiting = library.ask(jobs, other)
    assert (waiting.job, waiting.is_under_way) == (None, True)
    go_on.set()
    until(lambda: library.ask(jobs, other).stored is not None, "the other report")


def test_whoever_asks_for_one_anew_meanwhile_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def compute(question, _say):
        assert go_on.wait(60)
        return stored(question)

    monkeypatch.setattr(app_of_console, "Console", partial(Console, reports=ReportLibrary(compute)))
    client = TestClient(console_app(create_engine("postgresql+psycopg://"), "127.0.0.1"), "http://127.0.0.1:8700")
    found = re.search(r'name="form_token" value="(\w+)"', client.get("/enter").text)
    fields = {"form_token": found[1]}
    first = client.post("/reports", data=fields | {"by": "koc"}, follow_redirects=False)
    other = client.post("/reports", data=fields | {"by": "product"}, follow_redirects=False)
    go_on.set()
    assert (first.status_code, other.status_code) == (303, 409)
    assert "Another report is being computed" in other.text


def test_a_report_that_failed_is_tried_again_a_minute_later() -> None:
    asked, now = [], [0]

    def compute(question, _say):
        asked.append(question)
        raise StartRefused("no such role")

    jobs, library = Jobs(lambda: now[0]), ReportLibrary(compute)
    library.ask(jobs, EVERY_CONTENT)
    until(lambda: jobs.find(KIND, EVERY_CONTENT.text).ended_at is not None, "the failure")
    found = library.ask(jobs, EVERY_CONTENT)
    assert (found.job.problem, found.is_under_way, len(asked)) == ("no such role", False, 1)
    now[0] = FAILED_SECONDS * SECOND
    assert library.ask(jobs, EVERY_CONTENT).job is not found.job
    until(lambda: len(asked) == 2, "it is tried again")


def test_the_reports_that_nobody_asked_for_longest_are_forgotten() -> None:
    jobs, library = Jobs(), ReportLibrary(lambda question, _say: stored(question))
    questions = [ReportQuestion(SalesBy.KOC, koc_id=f"k_{number}") for number in range(MOST_REPORTS + 1)]
    for question in questions[:-1]:
        library.keep(stored(question))
    library.ask(jobs, questions[0])
    library.keep(stored(questions[-1]))
    assert library.ask(jobs, questions[0]).stored is not None
    assert library.ask(jobs, questions[1]).stored is None


def test_bars_are_as_long_as_what_was_sold() -> None:
    first = row("v_1", 800, natural_minor=600, paid_minor=200, settled_minor=100)
    second = row("v_2", 400, boosted_minor=400)
    [of] = currency_figures(stored(EVERY_CONTENT, first, second), SortFigure.NET_REVENUE)
    assert [[length for *_, length in bar.parts] for bar in of.bars] == [[750, 0, 250, 0], [0, 500, 0, 0]]
    assert [str(bar.sold) for bar in of.bars] == ["8.00", "4.00"]
    assert [bar.roi for bar in of.bars] == ["7.00", None]


def test_the_table_has_all_rows_the_greatest_first_and_comes_as_csv() -> None:
    rows = [row("v_1", 100), row("v_2", 300), row(None, 200)]
    table = sales_table(stored(EVERY_CONTENT, *rows), SortFigure.NET_REVENUE)
    page = table.read(None, 2)
    assert [cells[0].exact for cells in page.rows] == ["v_2", "(no credit)"]
    assert [cells[0].exact for cells in table.read(page.next_key, 2).rows] == ["v_1"]
    header, *lines = list(csv_lines(table))
    assert header.startswith("content_id,koc_id,platform,brand_id,")
    assert [line.split(",")[0] for line in lines] == ["v_2", "(no credit)", "v_1"]
    assert lines[0].split(",")[1:4] == ["k_8", "weibo", "br_2"]


def asking(library: ReportLibrary) -> Request:
    console = Console(create_engine("postgresql+psycopg://"), "koc", None, is_tls=False, reports=library)
    return Request({"type": "http", "app": SimpleNamespace(state=SimpleNamespace(console=console))})


def test_a_page_has_the_figures_of_its_own_contents() -> None:
    library = ReportLibrary(lambda question, _say: stored(question))
    library.keep(
        stored(EVERY_CONTENT, row("v_1", 800, natural_minor=600, paid_minor=200), row("v_2", 400), row("v_3", 9))
    )
    request = asking(library)
    of_koc = content_figures(request, koc_id="k_7")
    assert [one.content_id for one in of_koc.rows] == ["v_1", "v_3"]
    assert [one.content_id for one in content_figures(request, content_id="v_2").rows] == ["v_2"]
    [total] = of_koc.totals
    assert (str(total.sold), [length for *_, length in total.parts]) == ("8.09", [750, 0, 250])
    assert [cells[0].exact for cells in figures_table(of_koc).read(None, 5).rows] == ["v_1", "v_3"]


def test_what_contents_sold_of_a_brand_is_a_report_of_that_brand() -> None:
    asked = []

    def compute(question, _say):
        asked.append(question)
        return stored(question, row("v_2", 400))

    request = asking(ReportLibrary(compute))
    until(lambda: content_figures(request, brand_id="br_2").rows, "the figures")
    assert asked == [ReportQuestion(SalesBy.CONTENT, brand_id="br_2")]


def test_old_figures_are_computed_anew_while_they_are_shown() -> None:
    asked = []

    def compute(question, _say):
        asked.append(question)
        return stored(question)

    library = ReportLibrary(compute)
    library.keep(replace(stored(EVERY_CONTENT, row("v_1", 800)), as_of=1))
    request = asking(library)
    assert content_figures(request, koc_id="k_7").rows
    until(lambda: asked == [EVERY_CONTENT], "newer figures")
    until(lambda: not content_figures(request).is_under_way, "the end of it")
    assert asked == [EVERY_CONTENT]


def test_a_page_says_that_there_are_no_figures_yet() -> None:
    go_on = threading.Event()
    library = ReportLibrary(lambda question, _say: stored(question) if go_on.wait(10) else None)
    found = content_figures(asking(library), koc_id="k_7")
    assert (found.as_of, found.rows, found.is_under_way) == (None, [], True)
    go_on.set()
