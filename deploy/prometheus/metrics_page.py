"""Writes docs/metrics.md: every metric that a process of ours exposes, from the registry.

python deploy/prometheus/metrics_page.py           write it
python deploy/prometheus/metrics_page.py --check   exit 1 if the committed file is stale
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from services.runtime import metrics
from services.runtime.metric_labels import MetricLabel
from services.runtime.metrics import Metric, MetricGroup

TARGET = Path(__file__).parents[2] / "docs/metrics.md"
SECTIONS = (
    ("Every process", "The worker, the poster, the relay and the console serve these.", metrics.common),
    (
        "The attribution worker",
        "Faust's own sensor stands beside them: its metrics begin with `faust_`.",
        metrics.attribution,
    ),
    (
        "The poster",
        "Counters and batches are of one poster. Gauges are of all books: take `max` over the posters, not `sum`.",
        metrics.poster,
    ),
    ("The relay", "Relays that stand by serve these too, with 0.", metrics.relay),
    ("The console", "A page is named by what it is about, never by whom or what it shows.", metrics.console),
)
_HEAD = """# Metrics
Every process serves `/metrics` beside `/healthz` and `/readyz`. This page is written by `make docs` from
[services/runtime/metrics.py](../services/runtime/metrics.py), the one registry of metrics;
[its labels](../services/runtime/metric_labels.py) are bounded, and none names an order, a buyer, a KOC or a content.

A counter begins at 0 when its process starts. The last column says what it does when records are read again, after a
crash or when state is made anew:
- *counts once*: it counts what was committed. A repeated record changes neither the books nor the counter.
- *counts a position once*: it counts an event by its position in the log. A worker whose disk was lost reads again what
  came after its snapshot; these events count as `koc_attribution_repeated_total` and as nothing else, so that old
  refusals raise no alarm. Only what a worker read in the last second before it was killed counts again.
- *counts again*: it counts work as it is done, and work that is repeated is work.
- *counts no records*: nothing of it comes from records.

Money is in minor units: 12.34 CNY is 1234. Times are Unix times in seconds.
"""
_COLUMNS = "| metric | type, unit | labels | meaning | after a replay |\n|---|---|---|---|---|"
_UNITS = (
    ("_timestamp_seconds", "Unix time"),
    ("_seconds", "seconds"),
    ("_bytes", "bytes"),
    ("_minor", "minor units"),
)
_MANY = 8
"""From so many values on, a label with a meaning is told by its meaning alone."""


def page() -> str:
    """The page's text."""
    return "\n".join(
        [_HEAD, *(line for section in SECTIONS for line in _section(section[0], section[1], section[2]()))]
    )


def _section(title: str, about: str, group: MetricGroup) -> Iterator[str]:
    yield from (f"## {title}", about, "", _COLUMNS)
    yield from map(_row, group.declared)
    yield ""


def _row(metric: Metric) -> str:
    unit = next((unit for end, unit in _UNITS if metric.name.removesuffix("_total").endswith(end)), "")
    kind = f"{metric.type}, {unit}" if unit else metric.type
    repetition = metric.repetition.value if metric.repetition else ""
    labels = "; ".join(map(_label, metric.labels))
    return f"| `{metric.name}` | {kind} | {labels} | {metric.meaning} | {repetition} |"


def _label(label: MetricLabel) -> str:
    values = "" if label.meaning and len(label.values) > _MANY else ", ".join(label.values)
    told = ": ".join(part for part in (label.meaning, values) if part)
    return f"`{label.name}` ({told})"


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    wanted = page()
    if "--check" not in arguments:
        TARGET.write_text(wanted)
        return 0
    if TARGET.exists() and TARGET.read_text() == wanted:
        return 0
    sys.stderr.write(f"{TARGET.name} is stale: run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
