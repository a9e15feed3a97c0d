"""`make test`: every suite in turn, each with its stated share of the 20 minutes, printed at the end.

The suites in LONGER have targets of their own: `make test-ops`, `make test-browser`, `make test-image`. Name suites to
run just these.

A share is a promise to whoever adds a test, not a limit that kills a run: a suite that took longer than its share is
named, so that the next change mends it. The exit status is non-zero if any suite failed or ran no test.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / ".local/test"
COMPILED = {"PYTHONPYCACHEPREFIX": str(REPORTS / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
"""Variables by which the hundreds of processes of a run compile every library once, also where nobody else may."""


@dataclass(frozen=True)
class Suite:
    """A folder of tests and the minutes of the whole that it may take on two cores; `options` are pytest's."""

    name: str
    minutes: float
    what: str
    also: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Its folders, or the one of its name, and what else belongs to it."""
        return (*(self.folders or (f"tests/{self.name}",)), *self.also)


SIDE_BY_SIDE = ("--numprocesses=3", "--dist=loadfile")
"""Tests that mostly wait for processes: three files at a time, each of these processes with a stack of its own."""

TWO_SIDE_BY_SIDE = ("--numprocesses=2", "--dist=loadfile")
"""Tests that work as well as they wait: a file a core."""

LONG_FILES = tuple(
    f"tests/integration/test_{name}.py"
    for name in (
        "attribution_generations", "attribution_library_assumptions", "attribution_membership",
        "attribution_recovery_time", "local_stack", "period_holds_posters",
    )
)  # fmt: skip
"""Files of integration that are too long for `make test`: topics made again, what pinned libraries do, two workers of
one name (the chaos suite has them too), lost disks, whole stacks, 400,000 rows."""

LONG_FOLDERS = ("tests/ops/alerts", "tests/ops/secure", "tests/ops/tracing", "tests/ops/upgrade", "tests/ops/image")
"""Folders of ops that are too long for `make test`."""

LONG_PAGES = ("tests/browser/every_page",)
"""Folders of browser that are too long for `make test`: each page in each language and on each screen."""

SUITES = (
    Suite("unit", 1.2, "rules, contracts and glue", ("tests/test_tidy.py",), TWO_SIDE_BY_SIDE),
    Suite("property", 1.2, "laws, by generated histories"),
    Suite(
        "integration",
        10,
        "real Kafka and PostgreSQL, one part at a time",
        options=(*SIDE_BY_SIDE, *(f"--ignore={file}" for file in LONG_FILES)),
    ),
    Suite("e2e", 3.4, "the whole path, killed and reordered", options=TWO_SIDE_BY_SIDE),
    Suite("chaos", 1.1, "a dozen faults on real workers, one digest"),
    Suite("browser", 1.1, "the console in a real Chromium", options=tuple(f"--ignore={f}" for f in LONG_PAGES)),
    Suite("ops", 1.5, "compose, dashboard on a real Prometheus", options=tuple(f"--ignore={f}" for f in LONG_FOLDERS)),
)

LONGER = (
    Suite("alerts", 12, "every alert fires and clears", options=TWO_SIDE_BY_SIDE, folders=LONG_FOLDERS[:1]),
    Suite("operable", 11, "TLS and ACLs, traces, upgrade", LONG_FILES, TWO_SIDE_BY_SIDE, LONG_FOLDERS[1:-1]),
    Suite("console", 5, "every page of the console, in each language", folders=("tests/browser",)),
    Suite("image", 8, "the image, built and run as compose runs it", folders=LONG_FOLDERS[-1:]),
)


@dataclass
class Outcome:
    """What became of a suite."""

    suite: Suite
    seconds: float
    status: int
    tests: int = 0
    failed: int = 0

    @property
    def good(self) -> bool:
        """It ran something and nothing failed."""
        return self.status == 0 and self.tests > 0


def run(suite: Suite) -> Outcome:
    """Run one suite with its output on this terminal."""
    print(f"\n=== {suite.name}: {suite.what} (share: {suite.minutes:g} min)", flush=True)
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{suite.name}.xml"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", *suite.paths, *suite.options]
    command += ["-q", "--durations=3", "--junitxml", str(report)]
    status = subprocess.run(command, cwd=ROOT, env={**os.environ, **COMPILED}).returncode
    outcome = Outcome(suite, time.monotonic() - began, status)
    if report.exists():
        for node in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it a moment ago
            outcome.tests += int(node.get("tests", 0))
            outcome.failed += int(node.get("failures", 0)) + int(node.get("errors", 0))
    return outcome


def report(outcomes: list[Outcome]) -> None:
    """Shares, what was left out, and the totals as the last line."""
    print("\nsuite          tests  failed   minutes   share")
    for one in outcomes:
        minutes = one.seconds / 60
        note = "  over its share" if minutes > one.suite.minutes else ""
        note += "" if one.good else f"  FAILED (pytest exit {one.status})"
        print(f"{one.suite.name:14}{one.tests:6}{one.failed:8}{minutes:10.2f}{one.suite.minutes:8.1f}{note}")
    total, allowed = sum(one.seconds for one in outcomes) / 60, sum(one.suite.minutes for one in outcomes)
    print(f"{'whole':14}{'':14}{total:10.2f}{allowed:8.1f}")
    if left_out := os.environ.get("KOC_WITHOUT"):
        print(f"left out by KOC_WITHOUT: {left_out}")
    failed = sum(one.failed or (0 if one.good else 1) for one in outcomes)
    print(f"{sum(one.tests for one in outcomes) - sum(one.failed for one in outcomes)} passed, {failed} failed")


def main(names: list[str]) -> int:
    """Run the named suites, or all that `make test` has."""
    known = {suite.name: suite for suite in (*SUITES, *LONGER)}
    unknown = set(names) - set(known)
    if unknown:
        print(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job ignores it, and so would children
    outcomes = [run(suite) for suite in known.values() if suite.name in names or (not names and suite in SUITES)]
    report(outcomes)
    return 0 if all(one.good for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
