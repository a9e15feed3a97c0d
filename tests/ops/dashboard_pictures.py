"""Draws docs/images/dashboard-*.png: every panel of the four dashboards, from what Prometheus saw of a `koc demo`.

Somebody looks at pages of a console meanwhile.

python -m tests.ops.dashboard_pictures     about two minutes; needs Debian's prometheus (make picture)

Pictures for readers who do not run Grafana. Queries, titles, units, colours and places are those of the dashboards.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import matplotlib as mpl

from deploy.grafana.grafana_json import RULES
from services.runtime.local.stack import Stack
from tests.kit.console_process import ConsoleProcess
from tests.kit.prometheus import Prometheus, scraping
from tests.kit.source import ROOT
from tests.kit.without import installed
from tests.ops.dashboards import COMMITTED, filled
from tests.ops.picture_figures import QUIET, Canvas, Curve
from tests.ops.picture_panels import Place, draw_panel

IMAGES = ROOT / "docs/images"
ORDERS = 20_000
START_SECONDS = 120
QUICK = {"KOC_SNAPSHOT_SECONDS": "5", "KOC_GAUGE_SECONDS": "0.5"}
"""A demo lasts a minute or two: what production reads every few seconds or minutes is read more often."""
NOTE = f"koc demo --orders {ORDERS}, seen by Prometheus"
BUSY = " + ".join(f"sum(rate(koc_relay_{what}_total[5s]))" for what in ("entries", "commands", "statements"))
"""Above 0 while anything is published; afterwards the demo only reads."""
AFTERWARDS_SECONDS = 8
PAGES = ("/", "/runs", "/payouts", "/health")

COLUMN, ROW, GAP, HEAD = 54, 26, 7, 38
"""Pixels of a grid unit of the dashboard, between two panels, and above the first row."""
HEADING = 27
"""Pixels of a row that is a heading."""


def main() -> None:
    """Run the demo under Prometheus, then draw what it saw."""
    program = installed("prometheus")
    with TemporaryDirectory(prefix="koc-picture-") as name:
        folder = Path(name)
        stack = Stack(folder / "stack")
        koc = Path(sys.executable).with_name("koc")
        command = [str(koc), "demo", "--orders", str(ORDERS), "--folder", str(stack.layout.folder)]
        demo = subprocess.Popen(command, env={**os.environ, **QUICK})
        try:
            _await_processes(stack, demo)
            with (
                ConsoleProcess(folder / "console-1", "console-1", stack.environment()) as console,
                scraping(stack, folder, program, RULES.read_text()) as prometheus,
                _looked_at(console.address),
            ):
                prometheus.targets.add(console)
                began = time.time()
                status = demo.wait()
                seen = _seen(prometheus, began)
        finally:
            demo.terminate()
            demo.wait()
            stack.reset()
    if status:
        sys.exit(f"the demo ended with {status}")
    for board, panels in seen.items():
        draw(COMMITTED[board], panels, IMAGES / f"dashboard-{board}.png")


def _await_processes(stack: Stack, demo: subprocess.Popen[bytes]) -> None:
    """Wait until worker, poster and relay say where their metrics are."""
    deadline = time.monotonic() + START_SECONDS
    while not (ours := [one for one in _processes(stack) if one["name"].endswith("-1")]) or not all(
        one["http_port"] for one in ours
    ):
        if demo.poll() is not None or time.monotonic() > deadline:
            sys.exit("the demo's stack did not start")
        time.sleep(0.1)


def _processes(stack: Stack) -> list[dict[str, Any]]:
    return stack.processes() if stack.running else []


@contextmanager
def _looked_at(address: str) -> Iterator[None]:
    """Within the block somebody opens pages of a console, until the demo takes its stack down."""
    ended = threading.Event()

    def look() -> None:
        with httpx2.Client(base_url=address, timeout=START_SECONDS) as person:
            while not ended.wait(1) and all(person.get(page).is_success for page in PAGES):
                pass

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    yield
    ended.set()
    looking.join()


def _seen(prometheus: Prometheus, began: float) -> dict[str, dict[int, list[Curve]]]:
    """Board -> panel's id -> its curves, until all was published and the books were read once more."""
    [busy] = prometheus.curves_of(f"({BUSY}) > 0 and on () count(up == 1) == 4", began, time.time())
    ended = float(busy["values"][-1][0]) + AFTERWARDS_SECONDS
    return {
        name: {panel["id"]: _curves(prometheus, panel, began, ended) for panel in board["panels"]}
        for name, board in COMMITTED.items()
    }


def _curves(prometheus: Prometheus, panel: dict[str, Any], began: float, ended: float) -> list[Curve]:
    """What each query of a panel gave in the span, or at its end, the greatest curve first."""
    found = []
    for target in panel.get("targets", ()):
        since = ended if target.get("instant") else began
        for series in prometheus.curves_of(filled(target["expr"]), since, ended):
            name = target["legendFormat"]
            for label, value in series["metric"].items():
                name = name.replace(f"{{{{{label}}}}}", value)
            points = [(float(at) - began, float(value)) for at, value in series["values"]]
            found.append(Curve(name, [at for at, _ in points], [value for _, value in points]))
    return sorted(found, key=lambda curve: -max(curve.values))


def draw(board: dict[str, Any], panels: dict[int, list[Curve]], file: Path) -> None:
    """Write the picture of one dashboard.

    Args:
        board: Grafana's JSON.
        panels: curves by the panel's id.
        file: a PNG.
    """
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 8})
    tops = _tops(board)
    end = max(curve.seconds[-1] for curves in panels.values() for curve in curves)
    canvas = Canvas(24 * COLUMN + GAP, tops[-1] + GAP)
    canvas.text(GAP + 2, 26, board["title"], size=12.5, weight="bold")
    canvas.text(24 * COLUMN - 2, 26, NOTE, size=7.5, color=QUIET, ha="right")
    for panel in board["panels"]:
        grid = panel["gridPos"]
        top, bottom = tops[grid["y"]], tops[grid["y"] + grid["h"]]
        place = Place(canvas, grid["x"] * COLUMN + GAP, top, grid["w"] * COLUMN - GAP, bottom - top - GAP)
        draw_panel(place, panel, panels[panel["id"]], end)
    canvas.save(file)


def _tops(board: dict[str, Any]) -> list[int]:
    """Where each row of the grid begins, and where the last one ends; headings are lower than other rows."""
    headings = {panel["gridPos"]["y"] for panel in board["panels"] if panel["type"] == "row"}
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    tops = [HEAD]
    for row in range(rows):
        tops.append(tops[-1] + (HEADING if row in headings else ROW))
    return tops


if __name__ == "__main__":
    main()
