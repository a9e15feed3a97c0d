"""Draws docs/images/dashboard.png: every panel of the overview, from what a real Prometheus saw of a real `koc demo`.

python -m tests.ops.dashboard_picture     about a minute; needs Debian's prometheus (make picture)

A picture for readers who do not run Grafana. Queries, titles, units and places are those of overview.json.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import EngFormatter, MaxNLocator

from services.runtime.local.stack import Stack
from tests.kit.prometheus import Prometheus, scraping
from tests.kit.without import installed

ROOT = Path(__file__).parents[2]
BOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/overview.json").read_text())
TARGET = ROOT / "docs/images/dashboard.png"
ORDERS = 20_000
START_SECONDS = 120

COLUMN, ROW, GAP, HEAD = 64, 26, 8, 44
"""Pixels of a grid unit of the dashboard, between two panels, and above the first row."""
GROUND, PANEL, BORDER, TEXT, QUIET = "#111217", "#181b1f", "#2c3038", "#d8d9da", "#8e9298"
CURVES = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#5195ce", "#ba43a9", "#a98fd8")
ALARMS = {"green": "#2a7d45", "red": "#b3282d"}
UNITS = {"cps": "per second", "s": "seconds", "Bps": "bytes per second", "short": "count"}
NAMED = 5
"""Curves that a panel's legend names; the rest are counted."""


@dataclass(frozen=True)
class Curve:
    """One series of a panel: its legend, seconds since the start, and the values there."""

    name: str
    seconds: list[float]
    values: list[float]


def main() -> None:
    """Run the demo under Prometheus, then draw what it saw."""
    program = installed("prometheus")
    with TemporaryDirectory(prefix="koc-picture-") as name:
        folder = Path(name)
        stack = Stack(folder / "stack")
        koc = Path(sys.executable).with_name("koc")
        command = [str(koc), "demo", "--orders", str(ORDERS), "--folder", str(stack.layout.folder)]
        demo = subprocess.Popen(command, env={**os.environ, "KOC_SNAPSHOT_SECONDS": "5"})
        try:
            _await_processes(stack, demo)
            with scraping(stack, folder, program) as prometheus:
                began = time.time()
                status = demo.wait()
                [alive] = prometheus.curves_of("count(up == 1) == 3", began, time.time())
                ended = float(alive["values"][-1][0])
                panels = {panel["id"]: _curves(prometheus, panel, began, ended) for panel in BOARD["panels"]}
        finally:
            demo.terminate()
            demo.wait()
            stack.reset()
    if status:
        sys.exit(f"the demo ended with {status}")
    draw(panels)


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


def _curves(prometheus: Prometheus, panel: dict[str, Any], began: float, ended: float) -> list[Curve]:
    """What each query of a panel gave in the span, the greatest curve first."""
    found = []
    for target in panel.get("targets", ()):
        for series in prometheus.curves_of(target["expr"], began, ended):
            name = target["legendFormat"]
            for label, value in series["metric"].items():
                name = name.replace(f"{{{{{label}}}}}", value)
            points = [(float(at) - began, float(value)) for at, value in series["values"]]
            found.append(Curve(name, [at for at, _ in points], [value for _, value in points]))
    return sorted(found, key=lambda curve: -max(curve.values))


def draw(panels: dict[int, list[Curve]]) -> None:
    """Write the picture."""
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 8, "text.color": TEXT})
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in BOARD["panels"])
    width, height = 24 * COLUMN + GAP, HEAD + rows * ROW + GAP
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=GROUND)
    figure.text(2 * GAP / width, 1 - 28 / height, BOARD["title"], size=13, weight="bold")
    for panel in BOARD["panels"]:
        _Place(figure, panel).draw(panels[panel["id"]])
    figure.savefig(TARGET)


class _Place:
    """A panel's place on the figure, in pixels from the left and from the top."""

    def __init__(self, figure: Figure, panel: dict[str, Any]) -> None:
        self.figure, self.panel = figure, panel
        self.total_width, self.total_height = figure.get_size_inches() * 100
        grid = panel["gridPos"]
        self.left, self.top = grid["x"] * COLUMN + GAP, HEAD + grid["y"] * ROW
        self.width, self.height = grid["w"] * COLUMN - GAP, grid["h"] * ROW - GAP

    @property
    def unit(self) -> str:
        """Grafana's unit id."""
        return str(self.panel["fieldConfig"]["defaults"]["unit"])

    def draw(self, curves: list[Curve]) -> None:
        """A row's title, a number or curves."""
        kind, title = self.panel["type"], self.panel["title"]
        if kind == "row":
            self._text(0, 17, title, size=9.5, weight="bold")
            return
        self._box(PANEL)
        self._text(10, 17, title, size=8.5, weight="bold")
        self._text(self.width - 10, 17, UNITS[self.unit], size=7, color=QUIET, ha="right")
        if kind == "stat":
            self._numbers(curves)
        else:
            self._chart(curves)

    def _numbers(self, curves: list[Curve]) -> None:
        """The last value of each series on its alarm's colour."""
        steps = self.panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        each = (self.width - 20) / len(curves)
        for number, curve in enumerate(curves):
            passed = [step["color"] for step in steps if step["value"] is None or curve.values[-1] >= step["value"]]
            left = 10 + number * each
            self._box(ALARMS[passed[-1]], left, 26, each - 6, self.height - 36)
            middle = left + (each - 6) / 2
            self._text(middle, 53, f"{curve.values[-1]:g}", size=15, weight="bold", ha="center", color="white")
            self._text(middle, 72, curve.name, size=7, ha="center", color="white")

    def _chart(self, curves: list[Curve]) -> None:
        """Curves over the seconds of the run, with a legend of the greatest."""
        plot = (self.left + 48, self.top + 28, self.width - 62, self.height - 90)
        axes = self.figure.add_axes(self._within(*plot), facecolor=PANEL)
        for curve, color in zip(curves, CURVES * len(curves), strict=False):
            axes.plot(curve.seconds, curve.values, color=color, linewidth=1.3)
            axes.fill_between(curve.seconds, curve.values, color=color, alpha=0.2 / (1 + len(curves)), linewidth=0)
        axes.set_ylim(bottom=0, top=None if any(max(curve.values) for curve in curves) else 1)
        axes.set_xlim(0, max(curve.seconds[-1] for curve in curves))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=self.unit == "short"))
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_formatter(lambda seconds, _: f"{seconds:.0f}s")
        axes.tick_params(colors=QUIET, labelsize=7, length=0)
        axes.grid(color=BORDER, linewidth=0.6)
        axes.spines[:].set_visible(False)
        self._legend(curves)

    def _legend(self, curves: list[Curve]) -> None:
        """Two columns of names below the chart."""
        names = [(curve.name, CURVES[number % len(CURVES)]) for number, curve in enumerate(curves)]
        more = len(names) - NAMED
        shown = names if more <= 1 else [*names[:NAMED], (f"and {more} more", QUIET)]
        for number, (name, color) in enumerate(shown):
            left, down = 16 + number % 2 * (self.width - 20) / 2, self.height - 36 + number // 2 * 13
            self._text(left, down, "■", size=6, color=color)
            self._text(left + 12, down, name, size=7, color=TEXT if color != QUIET else QUIET)

    def _box(self, color: str, left: float = 0, top: float = 0, width: float = 0, height: float = 0) -> None:
        x, y, across, down = self._within(self.left + left, self.top + top, width or self.width, height or self.height)
        style = "round,pad=0,rounding_size=0.002"
        colors = {"facecolor": color, "edgecolor": BORDER, "linewidth": 0.8}
        self.figure.add_artist(FancyBboxPatch((x, y), across, down, style, zorder=-1, **colors))

    def _text(self, left: float, down: float, text: str, **style: Any) -> None:
        at = (self.left + left) / self.total_width, 1 - (self.top + down) / self.total_height
        self.figure.text(*at, text, va="baseline", **style)

    def _within(self, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
        """Pixels as parts of the figure, counted from below."""
        below = self.total_height - top - height
        return (
            left / self.total_width,
            below / self.total_height,
            width / self.total_width,
            height / self.total_height,
        )


if __name__ == "__main__":
    main()
