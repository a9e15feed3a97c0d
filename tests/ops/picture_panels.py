"""Draws panels of a dashboard, each kind in its own way, from Grafana's JSON and the curves of its queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import FuncFormatter, MaxNLocator

from tests.ops.picture_figures import BORDER, COLORS, PANEL, QUIET, Canvas, Curve, shown

CURVES = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#5195ce", "#ba43a9", "#a98fd8", "#508642")
_LETTER = 5.0
"""Pixels of a letter of a legend, about."""
_LINE = 13
_GAP_SECONDS = 2.5
"""Values come once a second."""


@dataclass(frozen=True)
class Place:
    """A panel's place on a canvas, in pixels from the left and from the top."""

    canvas: Canvas
    left: float
    top: float
    width: float
    height: float

    def text(self, left: float, down: float, text: str, **style: Any) -> None:
        """Words within the place."""
        self.canvas.text(self.left + left, self.top + down, text, **style)

    def box(self, left: float, top: float, width: float, height: float, color: str, edge: str = BORDER) -> None:
        """A box within the place."""
        self.canvas.box(self.left + left, self.top + top, width, height, color, edge)


def draw_panel(place: Place, panel: Mapping[str, Any], curves: Sequence[Curve], end: float) -> None:
    """A heading, or a panel with its title, drawn by its kind; `end` is where the axis of time ends."""
    if panel["type"] == "row":
        place.text(2, place.height - 1, panel["title"], size=9, weight="bold")
        return
    place.box(0, 0, place.width, place.height, PANEL)
    place.text(9, 16, panel["title"], size=8, weight="bold")
    if curves:
        _KINDS[panel["type"]](place, panel, curves, end)
    else:
        place.text(place.width / 2, place.height / 2 + 8, "no series", size=8, color=QUIET, ha="center")


def _numbers(place: Place, panel: Mapping[str, Any], curves: Sequence[Curve], _end: float) -> None:
    """The last value of each series on the colour of its step."""
    defaults, named = panel["fieldConfig"]["defaults"], panel["options"]["textMode"] == "name"
    each = (place.width - 14) / len(curves)
    for number, curve in enumerate(curves):
        passed = [one["color"] for one in defaults["thresholds"]["steps"] if _is_passed(one["value"], curve.values[-1])]
        left, middle = 9 + number * each, 9 + (number + 0.5) * each - 2
        place.box(left, 25, each - 4, place.height - 34, COLORS[passed[-1]], COLORS[passed[-1]])
        if named:
            place.text(middle, place.height / 2 + 13, curve.name, size=10, weight="bold", ha="center", color="white")
            continue
        value = shown(curve.values[-1], defaults["unit"])
        place.text(middle, place.height / 2 + 9, value, size=14, weight="bold", ha="center", color="white")
        place.text(middle, place.height / 2 + 27, curve.name, size=7, ha="center", color="white")


def _is_passed(step: float | None, value: float) -> bool:
    return step is None or value >= step


def _curves(place: Place, panel: Mapping[str, Any], curves: Sequence[Curve], end: float) -> None:
    """Curves over the seconds of the run, or their sum, with steps as dashed lines and a legend below."""
    defaults = panel["fieldConfig"]["defaults"]
    rows = _legend(place, curves, defaults["unit"])
    axes = place.canvas.axes(place.left + 51, place.top + 27, place.width - 61, place.height - 49 - rows * _LINE)
    stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    opacity = 0.45 if stacked else 0.18 / (1 + len(curves))
    below: dict[float, float] = {}
    # the curves, or areas of which each stands on those before; a gap stays a gap
    for number, (curve, color) in enumerate(zip(curves, CURVES * len(curves), strict=False)):
        for seconds, values in _pieces(curve):
            floor = [below.get(second, 0.0) for second in seconds] if stacked else [0.0] * len(seconds)
            heights = [value + base for value, base in zip(values, floor, strict=True)]
            axes.fill_between(seconds, floor, heights, color=color, alpha=opacity, linewidth=0)
            axes.plot(seconds, heights, color=color, linewidth=1.2, zorder=2 + 1 / (1 + number))
            below.update(zip(seconds, heights, strict=True))
    # the axes, and the steps that lie within them
    highest = max(max(curve.values) for curve in curves)
    axes.set_ylim(0, None if highest or any(below.values()) else 1.2)
    axes.set_xlim(0, end)
    for step in defaults["thresholds"]["steps"][1:] if "thresholdsStyle" in defaults["custom"] else ():
        if step["value"] <= axes.get_ylim()[1]:
            axes.axhline(step["value"], color=COLORS[step["color"]], linewidth=1, linestyle=(0, (4, 3)))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=defaults["unit"] == "short"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, defaults["unit"])))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:.0f}s"))


def _pieces(curve: Curve) -> list[tuple[list[float], list[float]]]:
    """The stretches of a series between its gaps: seconds and values."""
    pieces: list[tuple[list[float], list[float]]] = []
    for second, value in zip(curve.seconds, curve.values, strict=True):
        if not pieces or second - pieces[-1][0][-1] > _GAP_SECONDS:
            pieces.append(([], []))
        pieces[-1][0].append(second)
        pieces[-1][1].append(value)
    return pieces


def _legend(place: Place, curves: Sequence[Curve], unit: str) -> int:
    """Names and last values at the foot of the panel, as many as fit two columns of three; the rows that they take."""
    names = [f"{curve.name}  {shown(curve.values[-1], unit)}" for curve in curves]
    columns = 2 if len(names) > 1 and max(map(len, names[:6])) * _LETTER < place.width / 2 - 24 else 1
    room = 3 * columns
    colors: Sequence[str] = (CURVES * len(names))[: len(names)]
    if len(names) > room:
        names, colors = [*names[: room - 1], f"and {len(names) - room + 1} more"], [*colors[: room - 1], QUIET]
    rows = -(-len(names) // columns)
    for number, (name, color) in enumerate(zip(names, colors, strict=True)):
        left = 12 + number % columns * (place.width - 16) / columns
        down = place.height - 8 - (rows - 1 - number // columns) * _LINE
        place.text(left, down, "■", size=6, color=color)
        place.text(left + 11, down, name, size=6.8)
    return rows


def _bars(place: Place, panel: Mapping[str, Any], curves: Sequence[Curve], _end: float) -> None:
    """The last value of each series as a bar."""
    unit = panel["fieldConfig"]["defaults"]["unit"]
    height = min(24.0, (place.height - 34) / len(curves))
    names = min(place.width * 0.45, 12 + _LETTER * 1.1 * max(len(curve.name) for curve in curves))
    longest = max(curve.values[-1] for curve in curves) or 1
    for number, curve in enumerate(curves):
        top, whole = 27 + number * height, place.width - names - 58
        place.text(names - 4, top + height / 2 + 3, curve.name, size=7, ha="right")
        place.box(names, top + 1, whole, height - 3, BORDER)
        if curve.values[-1]:
            place.box(names, top + 1, max(2.0, whole * curve.values[-1] / longest), height - 3, COLORS["blue"])
        value = shown(curve.values[-1], unit)
        place.text(place.width - 10, top + height / 2 + 3, value, size=7.5, weight="bold", ha="right")


def _states(place: Place, panel: Mapping[str, Any], curves: Sequence[Curve], end: float) -> None:
    """A lane a series, a block for each time in one state."""
    words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    names = 14 + _LETTER * 1.05 * max(len(curve.name) for curve in curves)
    height, whole = (place.height - 32) / len(curves), place.width - names - 10
    for number, curve in enumerate(sorted(curves, key=lambda curve: curve.name)):
        top = 26 + number * height
        place.text(names - 5, top + height / 2 + 3, curve.name, size=7, ha="right")
        for since, until, value in _blocks(curve):
            word = words[f"{value:.0f}"]
            left, width = names + whole * since / end, max(1.0, whole * (until - since) / end)
            place.box(left, top + 1, width, height - 3, COLORS[word["color"]], COLORS[word["color"]])
            if width > len(word["text"]) * _LETTER + 6:
                place.text(left + width / 2, top + height / 2 + 3, word["text"], size=7, ha="center", color="white")


def _blocks(curve: Curve) -> list[tuple[float, float, float]]:
    """Begin, end and value of each time in which a series does not change."""
    blocks: list[tuple[float, float, float]] = []
    for second, value in zip(curve.seconds, curve.values, strict=True):
        if blocks and blocks[-1][2] == value:
            blocks[-1] = (blocks[-1][0], second, value)
        else:
            blocks.append((blocks[-1][1] if blocks else second, second, value))
    return blocks


_KINDS: dict[str, Callable[[Place, Mapping[str, Any], Sequence[Curve], float], None]] = {
    "stat": _numbers,
    "timeseries": _curves,
    "bargauge": _bars,
    "state-timeline": _states,
}
