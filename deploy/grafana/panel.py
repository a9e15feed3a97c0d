"""What a dashboard is made of, before Grafana's JSON: queries, panels, rows. No Grafana here."""

from dataclasses import dataclass
from enum import Enum

COLUMNS = 24
"""Grafana's grid."""
ROWS_A_SCREEN = 30
"""Rows of the grid that fit a screen of 2560 x 1440 pixels."""
HEADING_ROWS = 1
UID = "koc-"
"""Uids of our dashboards begin so."""


class Healthy(Enum):
    """Values that a query returns while all is well."""

    POSITIVE = "greater than 0"
    ZERO = "0"
    NATURAL = "0 or more"
    NONE_OR_NATURAL = "nothing, or 0 or more"


class Kind(Enum):
    """How a panel shows its series."""

    NUMBERS = "stat"
    CURVES = "timeseries"
    BARS = "bargauge"
    STATES = "state-timeline"


@dataclass(frozen=True)
class Query:
    """One question to Prometheus.

    Attributes:
        expression: PromQL; may hold $__rate_interval and the variables of its board.
        legend: the name of each series, {{label}} replaced by the label's value.
        healthy: what it returns while all is well, on a stack that works.
    """

    expression: str
    legend: str
    healthy: Healthy = Healthy.NATURAL


@dataclass(frozen=True)
class Step:
    """A colour, from a value on. None stands for everything below the next step."""

    value: float | None
    color: str


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        meaning: what it shows, and what to do; behind the (i) of the panel.
        runbook: alerts whose sections of the runbook say more; the first one names the panel's link.
        span: columns of 24.
        unit: Grafana's unit id.
        steps: colours by value; curves show them as dashed lines.
        words: a text and its colour instead of a value.
        names_only: numbers show the name of a series and not its value.
        stacked: curves add up.
        maximum: the end of the axis, where it has one.
    """

    title: str
    meaning: str
    queries: tuple[Query, ...]
    runbook: tuple[str, ...]
    span: int
    kind: Kind = Kind.CURVES
    unit: str = "short"
    steps: tuple[Step, ...] = ()
    words: tuple[tuple[int, str, str], ...] = ()
    names_only: bool = False
    stacked: bool = False
    maximum: float | None = None


@dataclass(frozen=True)
class Row:
    """Panels side by side under a question; their spans come to 24 columns."""

    question: str
    height: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """A dashboard.

    Attributes:
        name: its file and, after "koc-", its uid.
        since: the time range that it opens with, as in "now-1h".
        refresh: how often it asks again.
        by_instance: whether it has the variable $instance.
    """

    name: str
    title: str
    purpose: str
    rows: tuple[Row, ...]
    since: str
    refresh: str
    by_instance: bool = False

    @property
    def uid(self) -> str:
        """Its address in Grafana."""
        return f"{UID}{self.name}"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All its panels, from left to right and from the top."""
        return tuple(panel for row in self.rows for panel in row.panels)


# Colours agree with alerts: red from where one pages, orange from where one makes a ticket.


def red_from(value: float) -> tuple[Step, ...]:
    """Green below."""
    return Step(None, "green"), Step(value, "red")


def orange_from(value: float, red: float | None = None) -> tuple[Step, ...]:
    """Green below; red from a further value on, if there is one."""
    return Step(None, "green"), Step(value, "orange"), *(() if red is None else (Step(red, "red"),))


def orange_below(value: float) -> tuple[Step, ...]:
    """Green from there on."""
    return Step(None, "orange"), Step(value, "green")


def rate(counter: str, *labels: str, where: str = "") -> str:
    """Counted a second, summed by labels."""
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"sum{by} (rate({counter}{where}[$__rate_interval]))"


def most(histogram: str, where: str = "") -> str:
    """The value that 95 of 100 observations stay below; 0 while nothing is observed."""
    buckets = f"sum by (le) (rate({histogram}_bucket{where}[$__rate_interval]))"
    return f"(histogram_quantile(0.95, {buckets}) >= 0) or max(0 * {histogram}_count{where})"


def firing(span: int) -> Panel:
    """The alerts that fire now; the same on every board."""
    pages = '2 * max by (alertname) (ALERTS{alertstate="firing", severity="page"})'
    others = 'max by (alertname) (ALERTS{alertstate="firing"})'
    none = 'label_replace(vector(0), "alertname", "no alert fires", "", "")'
    return Panel(
        "Alerts that fire",
        "Red pages, orange is a ticket. Open the section of that name in the runbook and begin with the red ones. "
        "No data: Prometheus does not answer, or has not loaded our rules.",
        (Query(f"{pages} or {others} or on () {none}", "{{alertname}}", Healthy.ZERO),),
        ("KocProcessDown",),
        span,
        Kind.NUMBERS,
        steps=orange_from(1, red=2),
        names_only=True,
    )


def processes(span: int, *labels: str, where: str = "") -> Panel:
    """Whether a process of each job, or each instance, answers and is ready."""
    by = ", ".join(labels)
    up, ready = f"max by ({by}) (up{where})", f"max by ({by}) (koc_ready{where})"
    return Panel(
        "Processes",
        "Down: the last scrape got no answer; look at the process and its log. Not ready: it waits for Kafka, the "
        "database or its state, and its /readyz says for what. A relay that stands by is ready.",
        (Query(f"{up} + ({ready} or 0 * {up})", " ".join(f"{{{{{label}}}}}" for label in labels), Healthy.POSITIVE),),
        ("KocProcessDown", "KocProcessNotReady", "KocInstanceDown", "KocConsoleDown"),
        span,
        Kind.STATES,
        words=((0, "down", "red"), (1, "not ready", "orange"), (2, "ready", "green")),
    )
