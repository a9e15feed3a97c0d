"""What a rule is before it is written: typed templates whose durations can be divided, and the expressions they share.

A duration in an expression is written `${10m}`, a number of seconds `${10m seconds}`. Both are divided by the scale.
Ages of real dates, as "8 days without a run", are plain numbers: no scale makes a day shorter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
DAY = SECONDS["d"]
LEAST_WINDOW_MS = 3000
"""A window needs some scrapes: with a scale it becomes no shorter. Windows of the rules as they are, are all longer."""
EVALUATION = "30s"
"""How often every rule is evaluated."""
JOBS = ("attribution", "poster", "relay")
"""Without a ready process of each of them the books are late."""
OURS = f'job=~"{"|".join(JOBS)}"'
CONSOLE = 'job="console"'
EVERY = f'job=~"{"|".join((*JOBS, "console"))}"'
PAGE, TICKET = "page", "ticket"

_DURATION = re.compile(r"\$\{(\d+)([smhd])( seconds)?\}")


@dataclass(frozen=True)
class Recording:
    """A recording rule.

    Attributes:
        record: the name of the series.
        expression: PromQL.
        labels: what the series gets besides.
    """

    record: str
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Alert:
    """An alerting rule.

    Attributes:
        name: as docs/runbook.md names it.
        expression: PromQL; returns series while something is wrong.
        hold: how long it must do so first (`for`), a duration.
        severity: PAGE wakes somebody, TICKET waits for the next working day.
        summary: one short sentence.
        description: what it means now, with `{{ $labels.… }}` and `{{ $value }}`.
    """

    name: str
    expression: str
    hold: str
    severity: str
    summary: str
    description: str


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    rules: tuple[Recording | Alert, ...]


@dataclass(frozen=True)
class Scale:
    """Divides durations.

    Args:
        divisor: 1 = the rules as they run in production.
    """

    divisor: float = 1

    def text(self, expression: str) -> str:
        """An expression with its durations filled in."""
        return _DURATION.sub(self._replacement, expression)

    def duration(self, text: str, least_ms: int = 0) -> str:
        """`10m`, divided, in the greatest unit that has no fraction."""
        milliseconds = max(round(self.seconds(text) * 1000), least_ms)
        for unit in ("d", "h", "m", "s"):
            if milliseconds and milliseconds % (SECONDS[unit] * 1000) == 0:
                return f"{milliseconds // (SECONDS[unit] * 1000)}{unit}"
        return f"{milliseconds}ms" if milliseconds else "0s"

    def seconds(self, text: str) -> float:
        """The same in seconds."""
        return int(text[:-1]) * SECONDS[text[-1]] / self.divisor

    def _replacement(self, found: re.Match[str]) -> str:
        text = found[1] + found[2]
        return f"{self.seconds(text):g}" if found[3] else self.duration(text, LEAST_WINDOW_MS)


def grown(series: str, window: str) -> str:
    """By how much each counter has grown within the window.

    `increase` misses what a process counted before its first scrape, and the first event of each label: a series that
    is new counts from 0 if its process is new too, or was scraped before without it. (A Prometheus that has just
    started knows no series; those of old processes do not count.)
    """
    return (
        f"{series} unless {series} offset ${{{window}}}\n"
        f"  and on (job, instance) "
        f"(up offset ${{{window}}} == 1 or process_start_time_seconds > time() - ${{{window} seconds}})\n"
        f"  or increase({series}[${{{window}}}])"
    )


def total(series: str, window: str) -> str:
    """By how much counters have grown together; 0 if there is none."""
    return f"(sum(\n  {grown(series, window)}\n) or vector(0))"


def worst(gauge: str, by: str = "", window: str = "5m") -> str:
    """The greatest value that any poster or relay has shown lately: a process that restarts shows none, or 0."""
    return f"max{f' by ({by}) ' if by else ''}(max_over_time({gauge}[${{{window}}}]))"


def more_than_before(gauge: str, by: str = "") -> str:
    """How many more there are than two hours ago. What stays for ever, as a wrong line, is told once."""
    now, before = worst(gauge, by), worst(gauge, by, "1h").replace("[${1h}]", "[${1h}] offset ${2h}")
    return f"{now} - ({before} or 0 * {now}) > 0"


def lately(counter: str, by: str, window: str) -> str:
    """The counters that went up within the window, also where the process ended for it and took its series along.

    A process that lives on keeps its last value for ever: it must have counted further.
    """
    return (
        f"max by ({by}) (\n"
        f"  max_over_time({counter}[${{{window}}}]) > 0\n"
        f"  unless (\n"
        f"    {counter} == {counter} offset ${{{window}}}\n"
        f"    and on (job, instance) process_start_time_seconds < time() - ${{{window} seconds}}\n"
        f"  )\n"
        f")"
    )
