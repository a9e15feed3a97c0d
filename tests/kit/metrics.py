"""What the registry of metrics says of a series that a process exposes, and what posters read of the books."""

import re
from collections.abc import Mapping

from services.runtime import metrics
from services.runtime.database import engine
from services.runtime.metric_labels import MetricLabel
from services.runtime.metrics import Metric, MetricGroup
from services.settlement.posting.readings import AT_EACH_TURN, NOW_AND_THEN


def groups() -> dict[str, MetricGroup]:
    """The registry by kind of process; `common` is what every process exposes."""
    return {
        "common": metrics.common(),
        "attribution": metrics.attribution(),
        "poster": metrics.poster(),
        "relay": metrics.relay(),
        "console": metrics.console(),
    }


def declared() -> dict[str, Metric]:
    """Every metric by its name."""
    return {metric.name: metric for group in groups().values() for metric in group.declared}


def allows(label: MetricLabel, value: str) -> bool:
    """Whether a series may carry this value."""
    return value in label.values if label.values else re.fullmatch(label.like, value) is not None


def stray_labels(metric: Metric, labels: Mapping[str, str]) -> dict[str, str]:
    """Labels of a series that its metric does not declare, or with a value that it does not allow."""
    known = {label.name: label for label in metric.labels}
    return {name: value for name, value in labels.items() if name not in known or not allows(known[name], value)}


def read_all() -> None:
    """Read all that posters read of the books, but their seals."""
    with engine("writer").connect() as connection:
        for read in (*AT_EACH_TURN, *NOW_AND_THEN):
            read(connection)
