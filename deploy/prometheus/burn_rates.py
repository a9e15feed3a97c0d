"""The two objectives, and alerts on how fast their error budgets burn (Google's SRE Workbook, chapter 5).

Freshness: the share of time in which nothing is late. Late is a record that waits for longer than FRESH, in a topic or
in the relay, for a minute on end; and a job without a ready process for that long, because nobody knows its lag.
Acceptance: the share of events of all input topics that is not refused.

A burn rate of 1 uses up the budget of 30 days in 30 days. Time that Prometheus has not seen counts as good, so that
the first minutes of a stack, or of Prometheus, fire nothing.
"""

from template import EVALUATION, JOBS, OURS, PAGE, TICKET, Alert, Group, Recording, Scale, total

FRESH = "5m"
FRESH_OBJECTIVE = 0.995
ACCEPTED_OBJECTIVE = 0.999
LEAST_REFUSED = 20
"""So few refused events within the long window are no trend; `koc dlq list` shows each of them."""
BASE = "5m"
"""The window of what is recorded; sums over it give the longer windows."""

FAST = (("1h", "5m", 14.4), ("6h", "30m", 6))
SLOW = (("1d", "2h", 3), ("3d", "6h", 1))
"""Pairs of a long and a short window, and the burn rate that both must exceed."""

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def _budget(objective: float) -> str:
    return f"{1 - objective:g}"


def _stale_burn(window: str) -> Recording:
    """Missing evaluations count as fresh: the sum is divided by how many there should be."""
    evaluations = Scale().seconds(window) / Scale().seconds(EVALUATION)
    return Recording(
        "koc:freshness:burn_rate",
        f"sum_over_time(koc:stale:bool[${{{window}}}]) / {evaluations:g} / {_budget(FRESH_OBJECTIVE)}",
        {"window": window},
    )


def _refused_burn(window: str) -> Recording:
    """No events: nothing is refused."""
    refused, events = (f"sum_over_time(koc:events:{one}[${{{window}}}])" for one in ("refused", "read"))
    share = f"{refused} / clamp_min({events}, 1)"
    return Recording("koc:refused:burn_rate", f"{share} / {_budget(ACCEPTED_OBJECTIVE)}", {"window": window})


def _refused_count(window: str) -> Recording:
    """Each refusal is in as many sums as there are evaluations in BASE."""
    evaluations = Scale().seconds(BASE) / Scale().seconds(EVALUATION)
    return Recording(
        "koc:refused:count",
        f"sum_over_time(koc:events:refused[${{{window}}}]) / {evaluations:g}",
        {"window": window},
    )


def _both(series: str, pairs: tuple[tuple[str, str, float], ...], also: str = "") -> str:
    """The greater burn rate of the long windows whose short window burns too fast as well."""
    told = "\n  or\n".join(
        f'  {series}{{window="{long}"}} > {factor}'
        f' and ignoring (window) {series}{{window="{short}"}} > {factor}' + also.replace("LONG", long)
        for long, short, factor in pairs
    )
    return f"max(\n{told}\n)"


_ENOUGH = f' and koc:refused:count{{window="LONG"}} >= {LEAST_REFUSED}'
_READ = total("koc_attribution_events_total", BASE) + " + " + total("koc_poster_registry_events_total", BASE)
_REFUSED = (
    total("koc_attribution_refused_total", BASE)
    + " + "
    + total('koc_poster_registry_events_total{outcome="refused"}', BASE)
)

OBJECTIVES = Group(
    "koc-objectives",
    (
        Recording(
            "koc:lag_seconds:max",
            "max(min_over_time(koc_lag_seconds[${1m}]) or min_over_time(koc_relay_lag_seconds[${1m}])) or vector(0)",
        ),
        Recording(
            "koc:jobs_ready:count",
            f"count(max by (job) (max_over_time(koc_ready{{{OURS}}}[${{{FRESH}}}])) > 0) or vector(0)",
        ),
        Recording(
            "koc:stale:bool",
            f"(koc:lag_seconds:max > bool ${{{FRESH} seconds}}) + (koc:jobs_ready:count < bool {len(JOBS)}) > bool 0",
        ),
        *map(_stale_burn, WINDOWS),
        Recording("koc:events:read", _READ),
        Recording("koc:events:refused", _REFUSED),
        *map(_refused_burn, WINDOWS),
        *(_refused_count(long) for long, _, _ in FAST + SLOW),
    ),
)

_FRESHNESS = f"{FRESH_OBJECTIVE:.1%} of the time nothing may be later than {FRESH}."
_ACCEPTANCE = f"{ACCEPTED_OBJECTIVE:.1%} of all events are to be accepted."
_BURNS = "The error budget burns {{ $value | humanize }} times too fast. "

BURN_RATES = Group(
    "koc-burn-rates",
    (
        Alert(
            "KocFreshnessBurnFast",
            _both("koc:freshness:burn_rate", FAST),
            "1m",
            PAGE,
            "The books are late, and the month's budget burns fast.",
            _BURNS + _FRESHNESS,
        ),
        Alert(
            "KocFreshnessBurnSlow",
            _both("koc:freshness:burn_rate", SLOW),
            "15m",
            TICKET,
            "The books are late again and again.",
            _BURNS + _FRESHNESS,
        ),
        Alert(
            "KocRefusedShareBurnFast",
            _both("koc:refused:burn_rate", FAST, _ENOUGH),
            "1m",
            PAGE,
            "A large share of the published events is refused.",
            _BURNS + _ACCEPTANCE,
        ),
        Alert(
            "KocRefusedShareBurnSlow",
            _both("koc:refused:burn_rate", SLOW, _ENOUGH),
            "15m",
            TICKET,
            "A share of the events is refused for days.",
            _BURNS + _ACCEPTANCE,
        ),
    ),
)
