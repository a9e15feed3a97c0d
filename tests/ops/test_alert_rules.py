"""The rules of Prometheus: each alert fires, stays quiet and clears as its cases say, and leads to the runbook."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kit import metrics as registry
from tests.kit.without import installed
from tests.ops import alert_cases, compose

PROMETHEUS = compose.ROOT / "deploy/prometheus"
GENERATOR = PROMETHEUS / "alerts.py"
GROUPS: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "rules/koc.yml").read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
FILES = {file.stem: alert_cases.read_cases(file) for file in sorted(alert_cases.FOLDER.glob("*.yml"))}
CASES = [case for file in FILES.values() for case in file.cases]
RUNBOOK = (compose.ROOT / "docs/runbook.md").read_text()
TITLES = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
_SECTION = re.compile(r"^((?:<a id=\S+></a>)+)\n(## .*?)(?=^<a id|^## |\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = {
    anchor: section for anchors, section in _SECTION.findall(RUNBOOK) for anchor in re.findall(r'id="(\w+)"', anchors)
}
"""By the anchor of an alert, what the runbook says of it."""
HISTOGRAM = ("bucket", "count", "sum")
"""What the names of a histogram's series end with."""
of_each_alert = pytest.mark.parametrize("alert", ALERTS)


def _promtool(*words: str | Path) -> None:
    done = subprocess.run([installed("promtool"), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _texts(alert: str) -> str:
    return " ".join(ALERTS[alert]["annotations"].values())


@pytest.mark.parametrize("name", FILES)
def test_alerts_fire_and_clear_as_the_cases_say(name: str, tmp_path: Path) -> None:
    labels_of = {alert: set(re.findall(r"\$labels\.(\w+)", _texts(alert))) for alert in ALERTS}
    file = FILES[name]
    rules = {"groups": [group for group in GROUPS if group["name"] in file.groups]}
    tests = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "30s" if "koc-objectives" in file.groups else "1m",  # sums rely on the real one
        "tests": [alert_cases.unit_test(case, labels_of) for case in file.cases],
    }
    for written, content in (("rules.yml", rules), ("tests.yml", tests)):
        (tmp_path / written).write_text(yaml.safe_dump(content, sort_keys=False, width=10_000))
    _promtool("test", "rules", tmp_path / "tests.yml")


def test_every_group_is_evaluated_for_some_cases() -> None:
    assert {group for file in FILES.values() for group in file.groups} == {group["name"] for group in GROUPS}


@of_each_alert
def test_a_case_has_an_alert_quiet_then_firing_then_quiet_again(alert: str) -> None:
    courses = [[alert in alerts for alerts in case.moments.values()] for case in CASES]
    assert any(True in course and not course[0] and not course[-1] for course in courses)


def test_rules_and_configuration_are_valid() -> None:
    _promtool("check", "config", PROMETHEUS / "prometheus.yml")
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert configuration["rule_files"] == ["rules/koc.yml"]


def test_every_metric_that_a_rule_names_is_declared() -> None:
    declared = {
        name
        for metric in registry.declared().values()
        for name in (metric.name, *(f"{metric.name}_{part}" for part in HISTOGRAM if metric.type == "histogram"))
    }
    named = {name for rule in RULES for name in re.findall(r"\bkoc_\w+", rule["expr"])}
    assert sorted(named - declared) == []


def test_every_series_that_a_rule_names_is_recorded() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    assert {name for rule in RULES for name in re.findall(r"\bkoc:[\w:]+", rule["expr"])} == recorded


@of_each_alert
def test_an_alert_says_how_bad_it_is_and_what_it_means(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert re.fullmatch(r"\d+[smhd]", rule["for"])
    for text in ("summary", "description"):
        assert rule["annotations"][text].endswith("."), text


@of_each_alert
def test_an_alert_leads_to_a_section_that_says_what_to_do(alert: str) -> None:
    assert ALERTS[alert]["annotations"]["runbook_url"].endswith(f"docs/runbook.md#{alert.lower()}")
    section = SECTIONS[alert.lower()]
    assert f"`{alert}`" in section, "the section names it"
    for part in ("**Means", "**Look at**", "**Do", "**Over**"):
        assert part in section, part


def test_every_section_for_an_alert_and_every_name_of_one_is_of_an_alert_that_exists() -> None:
    assert SECTIONS.keys() == {alert.lower() for alert in ALERTS}
    assert set(re.findall(r"\bKoc[A-Z]\w+", RUNBOOK)) == ALERTS.keys()


def test_every_link_of_the_runbook_to_itself_leads_somewhere() -> None:
    headings = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in TITLES}
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) <= headings | SECTIONS.keys()


def test_the_scale_divides_every_duration(tmp_path: Path) -> None:
    subprocess.run([sys.executable, GENERATOR, "--scale", "60", "--output", tmp_path / "koc.yml"], check=True)
    _promtool("check", "rules", tmp_path / "koc.yml")
    groups = yaml.safe_load((tmp_path / "koc.yml").read_text())["groups"]
    scaled = {rule.get("alert"): rule for group in groups for rule in group["rules"]}
    assert {group["interval"] for group in groups} == {"500ms"}
    assert scaled["KocProcessDown"]["for"] == "3s"
    assert scaled["KocProcessDown"]["expr"] == ALERTS["KocProcessDown"]["expr"]
    assert "> 2\n" in scaled["KocLoopStalled"]["expr"] + "\n"
    assert "[10s]" in scaled["KocRelayStuck"]["expr"]
    assert "> 691200" in scaled["KocRunOverdue"]["expr"], "a day stays a day"
    assert scaled.keys() - {None} == ALERTS.keys()


def test_the_committed_rules_are_what_their_generator_writes(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, GENERATOR, "--check"]).returncode == 0
    (tmp_path / "koc.yml").write_text("groups: []\n")
    check = [sys.executable, GENERATOR, "--check", "--output", tmp_path / "koc.yml"]
    stale = subprocess.run(check, capture_output=True, text=True)
    assert (stale.returncode, stale.stderr) == (1, "stale: koc.yml; run `make docs`\n")
