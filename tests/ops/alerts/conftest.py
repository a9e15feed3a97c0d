"""One stack under a real Prometheus with our rules, sixty times as fast; what the proof found, at the end of the run."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ops.alerts.groups import GROUPS

from tests.chaos.trickle import Trickle
from tests.kit.events import START
from tests.kit.prometheus import scraping
from tests.kit.stacks import stack_of_its_own
from tests.kit.without import installed
from tests.ops.alerts.alert_log import AlertLog
from tests.ops.alerts.proof import Proof, table
from tests.ops.alerts.site import Site, moment
from tests.ops.alerts.world import settle_down

SCALE = 60
"""An hour of a rule is a minute of the proof."""
GENERATOR = Path(__file__).parents[3] / "deploy/prometheus/alerts.py"
PER_SECOND = 24
HOUR = 3_600_000_000
_proofs: list[Proof] = []


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our rules, their windows divided by SCALE."""
    file = tmp_path_factory.mktemp("rules") / "koc.yml"
    subprocess.run([sys.executable, GENERATOR, "--scale", str(SCALE), "--output", file], check=True)
    return file


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, rules: Path) -> Iterator[Site]:
    """A stack with steady traffic, scraped every second."""
    program = installed("prometheus")
    folder = tmp_path_factory.mktemp("alerts")
    environment = {"KOC_SNAPSHOT_SECONDS": "2", "KOC_GAUGE_SECONDS": "0.5", "KOC_LINGER_SECONDS": "4"}
    began = moment()
    with (
        stack_of_its_own(folder / "stack", workers=1, environment=environment) as stack,
        scraping(stack, folder, program, rules) as prometheus,
        AlertLog(prometheus) as alerts,
    ):
        reached = Site(folder, stack, prometheus, alerts, began)
        settle_down(reached)
        with Trickle(PER_SECOND, "calm", hours=(began - START) / HOUR - 3):
            yield reached


@pytest.fixture(scope="session")
def proof(site: Site) -> Proof:
    """The faults, not injected yet."""
    made = Proof(site, GROUPS)
    _proofs.append(made)
    return made


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Alert, seconds to fire and to clear, and the fault, of all that was proven."""
    for proof in _proofs:
        terminalreporter.section("every alert, by its fault")
        for row in table(proof.outcomes):
            terminalreporter.write_line(row)
