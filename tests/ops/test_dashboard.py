"""Every query of the dashboard returns series on a real Prometheus that scraped a real run."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml

from services.demo import poison, shop_week
from services.demo.events import record
from services.operations.drain.positions import wait_until_drained
from services.runtime import metrics
from services.runtime.local.stack import Stack
from services.runtime.publishing import publish
from services.runtime.settings import settings
from tests.kit.prometheus import Prometheus, scraping
from tests.kit.without import installed
from tests.ops import compose

GRAFANA = compose.ROOT / "deploy/grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards/overview.json").read_text())
QUERIES = [
    (panel["title"], target["expr"], target["legendFormat"])
    for panel in BOARD["panels"]
    for target in panel.get("targets", ())
]
ORDERS = 150


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real run with refunds, duplicates, poison and late plans, scraped by a real Prometheus all the while."""
    program = installed("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    stack = Stack(folder / "stack", workers=1, environment={"KOC_SNAPSHOT_SECONDS": "1"})
    patch = pytest.MonkeyPatch()
    try:
        with stack:
            for key, value in stack.environment().items():
                patch.setenv(key, value)
            settings.cache_clear()
            with scraping(stack, folder, program) as reached:
                _flow()
                yield reached
    finally:
        patch.undo()
        settings.cache_clear()
        stack.reset()


def _flow() -> None:
    """Half of the reference data comes after the orders it prices; all is in the ledger topic at the end."""
    week = shop_week.shop_week(ORDERS)
    half = len(week.registry) // 2
    publish(map(record, week.registry[:half]))
    publish(map(record, shop_week.arrivals(week.log, seed=1)))
    publish(map(record, week.registry[half:]))
    bad = [one.record for one in (*poison.bad(), *poison.registry())]
    publish([*poison.good(), *bad, *poison.misplaced(), *poison.afterwards()])
    wait_until_drained(120, lambda _: None)


@pytest.mark.parametrize(("title", "expression", "legend"), QUERIES, ids=[f"{q[0]}: {q[2]}" for q in QUERIES])
def test_a_query_returns_series_whose_labels_fill_its_legend(
    prometheus: Prometheus, title: str, expression: str, legend: str
) -> None:
    series = prometheus.series_of(expression)
    assert series, f"{title}: nothing for {expression}"
    for one in series:
        assert set(re.findall(r"{{(\w+)}}", legend)) <= one["metric"].keys(), one
        assert one["value"][1] != "NaN", one


def test_what_the_run_did_shows(prometheus: Prometheus) -> None:
    def total(expression: str) -> float:
        return sum(float(one["value"][1]) for one in prometheus.series_of(expression))

    expected = {
        "sum(koc_attribution_rerouted_total)": 2,
        "sum(koc_attribution_refused_total)": len(poison.bad()),
        'sum(koc_poster_registry_events_total{outcome="refused"})': len(poison.registry()),
        "sum(koc_relay_entries_total) - sum(koc_poster_entries_total)": 0,
        "max(abs(koc_poster_trial_balance_minor))": 0,
        "sum(koc_lag_records)": 0,
    }
    deadline = time.monotonic() + 20
    while (found := {expression: total(expression) for expression in expected}) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    assert total("sum(koc_attribution_events_total)") > ORDERS * 3
    assert total("sum(koc_attribution_duplicates_total)") > 0


def test_every_metric_of_the_dashboard_is_declared() -> None:
    for declare in (metrics.common, metrics.attribution, metrics.poster, metrics.relay):
        declare()
    declared = {
        sample.name
        for family in prometheus_client.REGISTRY.collect()
        for sample in (*family.samples, family)
        if family.name.startswith("koc_")
    }
    used = {name for _, expression, _ in QUERIES for name in re.findall(r"koc_\w+", expression)}
    assert {re.sub(r"_(total|bucket)$", "", name) for name in used} <= declared


def test_the_committed_dashboard_is_what_its_generator_writes(tmp_path: Path) -> None:
    generator = [sys.executable, GRAFANA / "overview.py", "--check"]
    assert subprocess.run(generator).returncode == 0
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards/overview.json").write_text("{}")
    shutil.copy(GRAFANA / "overview.py", tmp_path)
    stale = subprocess.run([sys.executable, tmp_path / "overview.py", "--check"], capture_output=True, text=True)
    assert (stale.returncode, stale.stderr) == (1, "overview.json is stale: run `make docs`\n")


def test_every_panel_says_what_it_means_and_asks_the_provisioned_source() -> None:
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    for panel in (panel for panel in BOARD["panels"] if panel["type"] != "row"):
        assert panel["description"].endswith((".", "`.")), panel["title"]
        assert panel["datasource"]["uid"] in {source["uid"] for source in sources}
    identities = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(identities)) == len(identities)


def test_prometheus_accepts_our_configuration() -> None:
    config = compose.ROOT / "deploy/prometheus/prometheus.yml"
    done = subprocess.run([installed("promtool"), "check", "config", config], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
