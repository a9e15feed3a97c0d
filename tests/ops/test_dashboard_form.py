"""Dashboards are what Grafana takes, fit one screen, agree with the alerts, and show every metric."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.grafana import boards
from deploy.grafana.boards import BOARDS, FOLDER
from deploy.grafana.panel import COLUMNS, ROWS_A_SCREEN, Board, Kind, Panel
from tests.kit import metrics as registry
from tests.kit.source import ROOT
from tests.ops.dashboards import COMMITTED
from tests.ops.grafana_schema import dashboard_schema

SCHEMA = jsonschema.Draft202012Validator(dashboard_schema())
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules/koc.yml").read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
COLORS = {"page": "red", "ticket": "orange"}
FOREIGN = {"up", "ALERTS", "process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes"}
"""Metrics of Prometheus itself and of its client library."""
NOT_SHOWN: dict[str, str] = {}
"""Metrics of ours that no panel shows, and why."""

each_board = pytest.mark.parametrize("board", BOARDS, ids=[board.name for board in BOARDS])
each_panel = pytest.mark.parametrize(
    ("board", "panel"), [pytest.param(b, p, id=f"{b.name}: {p.title}") for b in BOARDS for p in b.panels]
)


def drawn(board: Board) -> list[dict[str, Any]]:
    """The board's panels as committed, headings too."""
    return list(COMMITTED[board.name]["panels"])


# The files


def test_the_committed_dashboards_are_what_their_generator_writes() -> None:
    assert boards.stale(FOLDER) == []


def test_a_dashboard_that_is_changed_lacks_or_is_left_over_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(boards, "FOLDER", tmp_path)
    assert boards.main([]) == boards.main(["--check"]) == 0
    (tmp_path / "money.json").write_text("{}")
    (tmp_path / "overview.json").write_text("{}")
    (tmp_path / "worker.json").unlink()
    assert boards.main(["--check"]) == 1
    assert capsys.readouterr().err == "money.json, overview.json, worker.json: stale, run `make docs`\n"


# Grafana's schema


@each_board
def test_a_dashboard_is_valid_by_grafanas_schema(board: Board) -> None:
    assert [f"{list(one.absolute_path)}: {one.message}" for one in SCHEMA.iter_errors(COMMITTED[board.name])] == []


def _first(kind: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda board: next(panel for panel in board["panels"] if panel["type"] == kind)


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no schema version": lambda board: board.pop("schemaVersion"),
    "an unknown field": lambda board: board.update(refreshRate="5s"),
    "a number as title": lambda board: board["panels"][1].update(title=5),
    "a plugin that is not ours": lambda board: _first("stat")(board).update(type="graph"),
    "a panel without queries": lambda board: _first("stat")(board).pop("targets"),
    "a threshold without a colour": lambda board: _first("stat")(board)["fieldConfig"]["defaults"]["thresholds"][
        "steps"
    ][0].pop("color"),
    "an option of another plugin": lambda board: _first("stat")(board)["options"].update(alignValue="left"),
    "an option with a word that is none": lambda board: _first("stat")(board)["options"].update(colorMode="pink"),
    "a field setting of another plugin": lambda board: _first("timeseries")(board)["fieldConfig"]["defaults"][
        "custom"
    ].update(rowHeight=1),
    "a query without an expression": lambda board: board["panels"][1]["targets"][0].pop("expr"),
    "a width in words": lambda board: board["panels"][1]["gridPos"].update(w="4"),
    "a link of no type": lambda board: board["links"][0].update(type="page"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_the_schema_refuses(damage: Callable[[dict[str, Any]], object]) -> None:
    board = copy.deepcopy(COMMITTED["pipeline"])
    damage(board)
    assert not SCHEMA.is_valid(board)


# What the schema does not say


@each_board
def test_ids_are_unique_and_every_source_is_provisioned(board: Board) -> None:
    file = ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml"
    sources = {(one["type"], one["uid"]) for one in yaml.safe_load(file.read_text())["datasources"]}
    identities = [panel["id"] for panel in drawn(board)]
    assert len(set(identities)) == len(identities)
    asked = list(_sources(COMMITTED[board.name]))
    assert asked
    assert {(one["type"], one["uid"]) for one in asked} <= sources
    for panel in drawn(board):
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(letters)) == len(letters)


def _sources(node: Any) -> Iterator[dict[str, str]]:
    """Every datasource that is named anywhere in the JSON."""
    if isinstance(node, dict):
        if "datasource" in node:
            yield node["datasource"]
        for inner in node.values():
            yield from _sources(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _sources(inner)


@each_board
def test_panels_fill_one_screen_without_gap_or_overlap(board: Board) -> None:
    cells = [
        (x, y)
        for panel in drawn(board)
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    rows = max(y for _, y in cells) + 1
    assert rows <= ROWS_A_SCREEN
    assert sorted(cells) == [(x, y) for x in range(COLUMNS) for y in range(rows)]


def test_uids_are_those_that_others_link_to_and_each_dashboard_leads_to_the_others() -> None:
    assert {board["uid"] for board in COMMITTED.values()} == {
        "koc-pipeline",
        "koc-money",
        "koc-settlement",
        "koc-worker",
    }
    [tags] = {tuple(board["tags"]) for board in COMMITTED.values()}
    for board in COMMITTED.values():
        [link] = board["links"]
        assert (link["type"], link["tags"], link["keepTime"]) == ("dashboards", list(tags), True)
        assert "placement" not in link


@each_board
def test_a_variable_is_declared_where_queries_use_it_and_nowhere_else(board: Board) -> None:
    declared = {variable["name"] for variable in COMMITTED[board.name]["templating"].get("list", ())}
    used = set(re.findall(r"\$(\w+)", " ".join(query.expression for panel in board.panels for query in panel.queries)))
    assert used - {"__rate_interval"} == declared


# What a reader needs


@each_panel
def test_a_panel_says_what_to_do_and_where_to_read_on(board: Board, panel: Panel) -> None:
    assert len(re.findall(r"[.?!](?= |$)", panel.meaning)) >= 2, "what it shows, and what to do"
    assert panel.meaning.endswith((".", "?", "`.")), panel.title
    assert len(panel.meaning) <= 330, "it is read in a tooltip"
    [link, *_] = found = next(one for one in drawn(board) if one["title"] == panel.title)["links"]
    assert link["title"] == f"Runbook: {panel.runbook[0]}"
    for one, alert in zip(found, panel.runbook, strict=True):
        assert one["url"] == ALERTS[alert]["annotations"]["runbook_url"]


def test_every_alert_is_linked_from_a_panel_that_asks_for_its_metric() -> None:
    for alert in ALERTS:
        panels = [panel for board in BOARDS for panel in board.panels if alert in panel.runbook]
        assert panels, f"no panel leads to {alert}"
        wanted = _metrics(_expanded(ALERTS[alert]["expr"]))
        asked = {name for panel in panels for query in panel.queries for name in _metrics(_expanded(query.expression))}
        assert wanted & asked, f"no panel that leads to {alert} asks for {wanted}"


STEPPED = [
    pytest.param(panel, id=f"{board.name}: {panel.title}")
    for board in BOARDS
    for panel in board.panels
    if panel.steps and not panel.names_only
]


@pytest.mark.parametrize("panel", STEPPED)
def test_a_colour_begins_where_an_alert_of_that_severity_does(panel: Panel) -> None:
    limits = {color: set[float]() for color in COLORS.values()}
    for alert in panel.runbook:
        limits[COLORS[ALERTS[alert]["labels"]["severity"]]] |= set(_limits(ALERTS[alert]["expr"]))
    for below, step in zip(panel.steps, panel.steps[1:], strict=False):
        color = below.color if step.color == "green" else step.color
        assert step.value in limits[color], f"{color} from {step.value:g}; its alerts: {limits[color]}"


def _limits(expression: str) -> Iterator[float]:
    """Values from which an alert fires, of all that it compares; counts begin with the next whole number.

    A burn rate is a share divided by a budget, so the share's limits are among them too.
    """
    expanded = _expanded(expression)
    compared = [float(one) for one in re.findall(r"[<>]=? (?:bool )?([\d.]+)", expanded)]
    budgets = [float(one) for one in re.findall(r"/ (0\.\d+)", expanded)]
    for value in compared:
        yield value
        yield value + 1
        yield from (round(value * budget, 9) for budget in budgets)


def _expanded(expression: str) -> str:
    """An expression, and those of the recorded series that it asks for."""
    recorded = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
    names = [name for name in set(re.findall(r"koc:[\w:]+", expression)) if name in recorded]
    return " ".join([expression, *(_expanded(recorded[name]) for name in names)])


def _metrics(expression: str) -> set[str]:
    """Names of our metrics and of foreign ones in an expression; a histogram's parts by its own name."""
    without_words = re.sub(r'"[^"]*"', "", expression)
    names = set(re.findall(r"\b(?:koc_\w+|process_\w+|up|ALERTS)\b", without_words))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


# Metrics


def test_every_metric_is_shown_or_has_a_reason_not_to_be() -> None:
    declared = set(registry.declared())
    shown = {name for board in BOARDS for panel in board.panels for query in panel.queries
             for name in _metrics(_expanded(query.expression))}  # fmt: skip
    assert shown - FOREIGN <= declared, "a panel asks for a metric that nobody exposes"
    assert declared - shown == set(NOT_SHOWN), "a metric is in no panel"
    assert shown >= FOREIGN


@each_board
def test_panels_of_last_values_ask_for_now_so_that_a_series_that_has_ended_shows_nothing(board: Board) -> None:
    for panel in drawn(board):
        for query in panel.get("targets", ()):
            assert query.get("instant", False) is (panel["type"] in {"stat", "bargauge"}), panel["title"]


def test_a_panel_that_names_series_only_colours_them() -> None:
    for board in BOARDS:
        for panel in board.panels:
            assert not panel.names_only or (panel.kind is Kind.NUMBERS and panel.steps)
            assert panel.kind is not Kind.STATES or panel.words
