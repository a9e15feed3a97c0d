"""A stack under a real Prometheus whose rules run sixty times as fast; what was proven, at the end of the run."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.kernel.time import HOUR
from services.runtime.local.stack import Stack
from tests.chaos.trickle import Trickle
from tests.kit.console_process import ConsoleProcess
from tests.kit.events import START
from tests.kit.prometheus import Prometheus, scraping
from tests.kit.stacks import stack_of_its_own
from tests.kit.without import installed
from tests.ops.alerts.alert_log import AlertLog
from tests.ops.alerts.proof import ROWS
from tests.ops.alerts.site import CLOCKS, FAULTS_CLOCK, SLOW_BURNS, Disks, Site, moment
from tests.ops.alerts.small_volumes import small_volume
from tests.ops.alerts.world import QUIET_PARTITION, furnish

GENERATOR = Path(__file__).parents[3] / "deploy/prometheus/alerts.py"
PER_SECOND = 24
ENVIRONMENT = {"KOC_SNAPSHOT_SECONDS": "2", "KOC_GAUGE_SECONDS": "0.25", "KOC_LINGER_SECONDS": "4"}
HOURS_AGO = 3
"""When steady events say that they occur: all of them at once, and not in the future."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stack with a console, a past and steady traffic, scraped every second by a server for each clock."""
    program, folder, began = installed("prometheus"), tmp_path_factory.mktemp("alerts"), moment()
    with ExitStack() as ends:
        # two small disks for the worker, then the stack
        disks = Disks(*(ends.enter_context(small_volume(folder / name)) for name in Disks._fields))
        state = folder / "stack/state"
        state.mkdir(parents=True)
        (state / "attribution-1").symlink_to(disks.state)
        environment = ENVIRONMENT | {"KOC_SNAPSHOT_URL": f"file://{disks.snapshots}"}
        stack = ends.enter_context(stack_of_its_own(folder / "stack", workers=1, environment=environment))
        console = ends.enter_context(ConsoleProcess(folder / "console-1", "console-1"))
        # a server for each clock, and a reader of its alerts
        servers = {
            clock: ends.enter_context(_judging(stack, folder / f"clock-{clock}", program, clock)) for clock in CLOCKS
        }
        for server in servers.values():
            server.targets.add(console)
        logs = {clock: ends.enter_context(AlertLog(server)) for clock, server in servers.items()}
        scraped = [server.targets for server in servers.values()]
        made = Site(folder, stack, console, disks, servers[FAULTS_CLOCK], logs, scraped, began)
        made.await_console()
        # what is in the books, and what goes on being published
        furnish(made)
        logs[FAULTS_CLOCK].await_calm(SLOW_BURNS)
        ends.enter_context(Trickle(PER_SECOND, "calm", (began - START) / HOUR - HOURS_AGO, QUIET_PARTITION))
        yield made


@contextmanager
def _judging(stack: Stack, folder: Path, program: str, clock: int) -> Iterator[Prometheus]:
    """A server with our rules, their windows divided."""
    folder.mkdir()
    rules = folder / "koc.yml"
    subprocess.run([sys.executable, GENERATOR, "--scale", str(clock), "--output", rules], check=True)
    with scraping(stack, folder, program, rules.read_text()) as server:
        yield server


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Alert, seconds to fire and to clear, and the fault, of all that was proven."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, ())]
    rows = sorted({str(row) for report in reports for name, row in report.user_properties if name == ROWS})
    if rows:
        terminalreporter.section("every alert, by its fault")
        for row in (f"{'alert':26}{'fires':>8}{'clears':>8}  fault", *rows):
            terminalreporter.write_line(row)
