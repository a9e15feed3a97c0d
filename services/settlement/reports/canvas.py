"""How charts of reports look, and a figure as SVG or PNG: the same figure always gives the same bytes.

Labels are identifiers, which are ASCII by contract, and words of ours, so that the font that comes with the library
has every sign.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from services.settlement.domain.book.currencies import minor_digits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#555555")
"""Colours that people with any colour vision tell apart (Okabe and Ito)."""
GREY = "#AAAAAA"
_LABEL_LENGTH = 30
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": "#888888",
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "koc",
    "savefig.dpi": 150,
}


class ChartForm(StrEnum):
    """What a chart is written as."""

    SVG = "svg"
    PNG = "png"


@contextmanager
def chart(title: str, subtitle: str, heights: Sequence[float]) -> Iterator[tuple[Figure, "list[Axes]"]]:
    """A figure with a panel for each of these heights (inches), to be drawn on within the block.

    Args:
        title: what the figure shows.
        subtitle: what it counts.
        heights: of the panels, from the top.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.6, sum(heights) + 1), layout="constrained")
        figure.suptitle(f"{title}\n\n", x=0.01, ha="left", fontsize=12, fontweight="bold")
        figure.text(0.01, 1 - 0.47 / (sum(heights) + 1), subtitle, color="#555555", fontsize=9, va="center")
        panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        yield figure, list(panels)


def rendered(figure: Figure, form: ChartForm) -> bytes:
    """The figure's file; without a date or a version in it."""
    file = io.BytesIO()
    with mpl.rc_context(_STYLE):
        metadata = {"Date": None} if form is ChartForm.SVG else {"Software": None}
        figure.savefig(file, format=form.value, metadata=metadata)
    return file.getvalue()


def short(label: str) -> str:
    """A label that leaves room for the bars: its middle is left out where it is long."""
    if len(label) <= _LABEL_LENGTH:
        return label
    kept = (_LABEL_LENGTH - 1) // 2
    return f"{label[:kept]}…{label[-kept:]}"


def money_axis(panel: "Axes", what: str, currency: str, *, horizontal: bool) -> None:
    """Name an axis of minor units, and write its ticks in the currency's own units with thousands."""
    axis = panel.xaxis if horizontal else panel.yaxis
    unit = 10 ** minor_digits(currency)

    def text(minor: float, _: int) -> str:
        amount = minor / unit
        for size, sign in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
            if abs(amount) >= size:
                return f"{amount / size:g} {sign}"
        return f"{amount:g}"

    axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(text))
    axis.set_label_text(f"{what}, {currency}")
    panel.grid(axis="x" if horizontal else "y", linewidth=0.6)
    panel.set_axisbelow(True)


def stacked_bars(
    panel: "Axes", labels: Sequence[str], series: Iterable[tuple[str, str, Sequence[int]]], notes: Sequence[str]
) -> None:
    """Horizontal bars from the top down; amounts below zero go to the left.

    Args:
        panel: where.
        labels: of the bars.
        series: (name, colour, an amount a bar), stacked in this order.
        notes: a text at the right end of each bar; empty = none.
    """
    ends, starts = [0] * len(labels), [0] * len(labels)
    for name, colour, amounts in series:
        left = [(ends if amount >= 0 else starts)[i] for i, amount in enumerate(amounts)]
        panel.barh(range(len(labels)), amounts, left=left, color=colour, label=name, height=0.68)
        for i, amount in enumerate(amounts):
            (ends if amount >= 0 else starts)[i] += amount
    for i, note in enumerate(notes):
        panel.annotate(note, (ends[i], i), (5, 0), textcoords="offset points", va="center", color="#333333", fontsize=8)
    panel.set_yticks(range(len(labels)), [short(label) for label in labels])
    panel.tick_params(axis="y", length=0)
    panel.set_ylim(len(labels) - 0.4, -0.6)
    panel.margins(x=0.12)
    panel.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(PALETTE) + 1, borderpad=0.1, columnspacing=1.2)
    panel.axvline(0, color="#888888", linewidth=0.8)
