"""Every query of the dashboards returns series of the expected sign on a real Prometheus that scraped a real run."""

import re
import time
from collections.abc import Iterator

import pytest

from deploy.grafana.boards import BOARDS
from deploy.grafana.grafana_json import RULES
from deploy.grafana.panel import Query
from services.demo import poison
from tests.kit.console_client import ConsoleClient
from tests.kit.console_process import ConsoleProcess
from tests.kit.prometheus import Prometheus, scraping
from tests.kit.scrape_targets import JOBS
from tests.kit.stacks import stack_of_its_own
from tests.kit.waiting import until
from tests.kit.without import installed
from tests.ops import exposition, lived_run
from tests.ops.dashboards import COMMITTED, filled, is_healthy
from tests.ops.grafana import URL, grafana, problems_in

QUERIES = [(f"{board.name}: {panel.title}", query) for board in BOARDS for panel in board.panels
           for query in panel.queries]  # fmt: skip
SECONDS = 90.0
"""Until the processes have read the books again and were scraped."""
QUICK = {"KOC_SNAPSHOT_SECONDS": "1", "KOC_GAUGE_SECONDS": "0.2"}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real run with refunds, duplicates, poison and late plans, a settlement run, payouts, a close and a console."""
    program = installed("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        stack_of_its_own(folder / "stack", workers=1, environment=QUICK) as stack,
        ConsoleProcess(folder / "console-1", "console-1") as console,
        scraping(stack, folder, program, RULES.read_text()) as reached,
    ):
        reached.targets.add(console)
        with ConsoleClient(console.address) as person:
            for page in ("/", "/health", "/commands"):
                person.page(page)
        lived_run.live()
        yield reached


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[f"{title}: {query.legend}" for title, query in QUERIES])
def test_a_query_returns_series_of_its_sign_whose_labels_fill_its_legend(
    prometheus: Prometheus, title: str, query: Query
) -> None:
    expression = filled(query.expression)
    found: list[dict] = []

    def healthy() -> bool:
        found[:] = prometheus.ask(expression)
        return is_healthy(query.healthy, [float(one["value"][1]) for one in found])

    try:
        until(healthy, query.healthy.value, SECONDS)
    except AssertionError as problem:
        raise AssertionError(f"{title}: {expression} gave {found}; {problem}") from None
    for one in found:
        assert set(re.findall(r"{{(\w+)}}", query.legend)) <= one["metric"].keys(), one


def test_what_the_run_did_shows(prometheus: Prometheus) -> None:
    def total(expression: str) -> float:
        return sum(float(one["value"][1]) for one in prometheus.series_of(expression))

    expected = {
        "sum(koc_attribution_rerouted_total)": 2,
        "sum(koc_attribution_refused_total)": len(poison.bad()),
        'sum(koc_poster_registry_events_total{outcome="refused"})': len(poison.registry()),
        "max(koc_relay_lag_entries)": 0,
        'sum(koc_ledger_runs{state="done"})': 1,
        "sum(koc_ledger_periods_closed)": 1,
        "max(abs(koc_poster_trial_balance_minor))": 0,
        "sum(koc_lag_records)": 0,
        'sum(koc_ledger_payouts{state="instructed"} > bool 0)': 1,
    }
    found: dict[str, float] = {}

    def shows() -> bool:
        found.update({expression: total(expression) for expression in expected})
        return found == expected

    try:
        until(shows, "the run shows", SECONDS)
    except AssertionError:
        assert found == expected
    assert total("sum(koc_attribution_events_total)") > lived_run.ORDERS * 3
    assert total("sum(koc_attribution_duplicates_total)") > 0


@pytest.mark.parametrize("job", JOBS)
def test_a_process_exposes_what_the_registry_says_with_bounded_labels_and_promtool_has_nothing_to_say(
    prometheus: Prometheus, job: str
) -> None:
    page = exposition.pages(prometheus)[job]
    assert exposition.complaints(installed("promtool"), page) == ""
    assert exposition.findings(job, page) == []


def test_fausts_own_sensor_is_served_beside_the_workers_metrics(prometheus: Prometheus) -> None:
    assert (
        'faust_messages_received_per_topic_total{topic="commerce.clicks.v1"}'
        in exposition.pages(prometheus)["attribution"]
    )


def test_a_grafana_takes_the_dashboards_and_answers_each_query(prometheus: Prometheus) -> None:
    client = grafana()
    if client is None:
        pytest.skip(f"left out: {URL} names no Grafana on this machine")
    now = time.time()
    assert problems_in(client, prometheus.address, COMMITTED, now - 60, now) == []
