"""GitHub's workflow runs at least what .ci/run runs, by the same targets of the Makefile."""

import re
import subprocess
from collections.abc import Iterable
from typing import Any

import yaml

from tests.ops.compose import ROOT
from tests.suites import LONGER, SUITES

_OF_SUITES = re.compile(r"-m tests\.suites\b(.*)$")


def _job() -> dict[str, Any]:
    job: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["make"]
    return job


def _commands(targets: Iterable[str]) -> list[str]:
    """What make would run."""
    made = ["make", "--dry-run", "--no-print-directory", *targets]
    return subprocess.run(made, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def _work(commands: Iterable[str]) -> set[str]:
    """The suites that commands run, by name, and the commands that run none."""
    work: set[str] = set()
    for command in commands:
        named = _OF_SUITES.search(command)
        work |= set(named[1].split() or (suite.name for suite in SUITES)) if named else {command}
    return work


def _work_of_ci_run() -> set[str]:
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if not line.startswith("#")]
    targets = [name for line in lines for words in re.findall(r"\bmake ([a-z -]+)", line) for name in words.split()]
    return _work([*_commands(targets), *filter(_OF_SUITES.search, lines)])


def test_what_ci_run_runs_is_run_on_github_too() -> None:
    ours = _work_of_ci_run()
    assert {"unit", "operable", "console", "image"} < ours
    assert any("mypy" in one for one in ours)
    targets = [name for words in _job()["strategy"]["matrix"]["targets"] for name in words.split()]
    assert ours - _work(_commands(targets)) == set()


def test_every_suite_is_run_on_github() -> None:
    targets = [name for words in _job()["strategy"]["matrix"]["targets"] for name in words.split()]
    assert {suite.name for suite in (*SUITES, *LONGER)} <= _work(_commands(targets))


def test_the_job_makes_the_targets_of_its_matrix_with_the_whole_history() -> None:
    steps = _job()["steps"]
    (made,) = (step for step in steps if "make" in step.get("run", ""))
    assert made["run"].endswith(" make ${TARGETS}")
    assert made["env"] == {"TARGETS": "${{ matrix.targets }}"}
    (checkout,) = (step for step in steps if step.get("uses", "").startswith("actions/checkout@"))
    assert checkout["with"]["fetch-depth"] == 0
