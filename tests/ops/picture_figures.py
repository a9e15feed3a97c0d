"""A figure in pixels from the left and from the top, and numbers in Grafana's units: what pictures are drawn with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

GROUND, PANEL, BORDER, TEXT, QUIET = "#111217", "#181b1f", "#2c3038", "#d8d9da", "#8e9298"
COLORS = {"green": "#2a7d45", "orange": "#c66a1b", "red": "#b3282d", "blue": "#3a6ea5"}
"""Grafana's names of colours, as surfaces under white text."""
_DOTS = 100
_SHARPNESS = 1.6
"""Dots of the file for each pixel of the layout."""
_SECONDS = ((86_400, "days"), (3600, "h"), (60, "min"), (1, "s"), (0.001, "ms"))
_TENS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_UNITS = {"short": "", "s": "s", "cps": "/s", "Bps": "B/s", "bytes": "B", "percentunit": "%"}


@dataclass(frozen=True)
class Curve:
    """One series of a panel: its legend, seconds since the start, and the values there."""

    name: str
    seconds: Sequence[float]
    values: Sequence[float]


class Canvas:
    """A dark figure.

    Args:
        width: in pixels.
        height: in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._figure = Figure(figsize=(width / _DOTS, height / _DOTS), dpi=_DOTS, facecolor=GROUND)

    def box(self, left: float, top: float, width: float, height: float, color: str, edge: str = BORDER) -> None:
        """A rounded box."""
        x, y, across, up = self._within(left, top, width, height)
        style = "round,pad=0,rounding_size=0.0018"
        colors = {"facecolor": color, "edgecolor": edge, "linewidth": 0.7}
        self._figure.add_artist(FancyBboxPatch((x, y), across, up, style, zorder=-1, **colors))

    def text(self, left: float, down: float, text: str, **style: Any) -> None:
        """Words on a base line."""
        at = left / self._width, 1 - down / self._height
        self._figure.text(*at, text, **{"color": TEXT, "va": "baseline", **style})

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """A place for curves, without a frame."""
        axes = self._figure.add_axes(self._within(left, top, width, height), facecolor=PANEL)
        axes.tick_params(colors=QUIET, labelsize=6.5, length=0)
        axes.grid(color=BORDER, linewidth=0.6)
        axes.spines[:].set_visible(False)
        return axes

    def save(self, file: Any) -> None:
        """Write it as PNG."""
        self._figure.savefig(file, dpi=_DOTS * _SHARPNESS, facecolor=GROUND)

    def _within(self, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
        """Pixels as parts of the figure, counted from below."""
        below = self._height - top - height
        return left / self._width, below / self._height, width / self._width, height / self._height


def shown(value: float, unit: str) -> str:
    """A value as Grafana writes it in one of our units."""
    if unit == "s":
        for size, word in _SECONDS:
            if abs(value) >= size:
                return f"{_short(value / size)} {word}"
        return "0 s"
    if unit == "percentunit":
        return f"{_short(value * 100)} %"
    for size, letter in _TENS:
        if abs(value) >= size:
            return f"{_short(value / size)} {letter}{_UNITS[unit].strip()}"
    return f"{_short(value)} {_UNITS[unit]}".strip()


def _short(value: float) -> str:
    """Three digits, without zeros at the end."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
