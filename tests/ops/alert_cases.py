"""Cases of tests/ops/rules/ as promtool's unit tests: a calm stack, in which each case changes some series.

A series is written `metric{label=value}`; its job follows from the metric's name and its instance from the job. Values
are promtool's, a sample a minute, and `(…)*18` repeats some. `moments` says which alerts fire then, and no others.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "rules"

_ON, _OFF, _CLOCK, _WORK = "1xEND", "0xEND", "0+60xEND", "0+600xEND"
_JOBS = ("attribution", "poster", "relay", "console")
_LAG = ("job=attribution,topic=commerce.orders.v1,partition=0", "job=poster,topic=attribution.credits.v1,partition=0")
CALM: dict[str, str] = {
    **{f"up{{job={job}}}": _ON for job in _JOBS},
    **{f"koc_ready{{job={job}}}": _ON for job in _JOBS},
    **{f"koc_heartbeat_timestamp_seconds{{job={job}}}": _CLOCK for job in _JOBS},
    **{f"process_start_time_seconds{{job={job}}}": _OFF for job in _JOBS},
    **{f"{gauge}{{{where}}}": _OFF for gauge in ("koc_lag_seconds", "koc_lag_records") for where in _LAG},
    "koc_attribution_events_total{topic=commerce.orders.v1}": _WORK,
    "koc_attribution_assertions_total": _CLOCK,
    "koc_attribution_checkpoint_timestamp_seconds": _CLOCK,
    "koc_attribution_partitions": "12xEND",
    "koc_attribution_snapshot_timestamp_seconds{partition=0}": _CLOCK,
    "koc_disk_free_bytes{volume=state}": "50xEND",
    "koc_disk_size_bytes{volume=state}": "100xEND",
    "koc_poster_assertions_total{outcome=accepted}": _CLOCK,
    "koc_poster_trial_balance_minor{currency=CNY}": _OFF,
    "koc_relay_entries_total": _CLOCK,
    "koc_relay_lag_entries": _OFF,
    "koc_relay_lag_seconds": _OFF,
    "koc_relay_lag_commands": _OFF,
    "koc_relay_lag_statements": _OFF,
    "koc_relay_leader": _ON,
}
_OWNERS = {"koc_attribution": "attribution", "koc_disk": "attribution", "koc_poster": "poster", "koc_ledger": "poster",
           "koc_relay": "relay", "koc_console": "console"}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What happens, by series, and which alerts fire at which moment of it."""

    name: str
    series: dict[str, str]
    moments: dict[str, list[str]]


@dataclass(frozen=True)
class CaseFile:
    """The cases of a file, in order, and the groups of rules that are evaluated for them."""

    groups: list[str]
    cases: list[Case]


def read_cases(file: Path) -> CaseFile:
    """A file of tests/ops/rules/."""
    told = yaml.load(file.read_text(), yaml.BaseLoader)  # noqa: S506 - makes strings only; to others 0x10 is 16
    return CaseFile(told["groups"], [Case(one["case"], one["series"], one["moments"]) for one in told["cases"]])


def unit_test(case: Case, labels_of: dict[str, set[str]]) -> dict[str, Any]:
    """A case as promtool reads it.

    Args:
        case: to be told.
        labels_of: by alert, the labels that its texts name: one that fires must have them.
    """
    end = max(map(_minutes, case.moments)) + 1
    series = {_selector(key): values for key, values in {**CALM, **case.series}.items()}
    return {
        "name": case.name,
        "interval": "1m",
        "input_series": [{"series": key, "values": _values(values, end)} for key, values in series.items()],
        "promql_expr_test": [
            question
            for moment, alerts in case.moments.items()
            for question in (
                _question(moment, "", alerts),
                *(_question(moment, _with(alert, labels_of[alert]), [alert]) for alert in alerts),
            )
        ],
    }


def _question(moment: str, selector: str, alerts: list[str]) -> dict[str, Any]:
    return {
        "expr": f'group by (alertname) (ALERTS{{alertstate="firing"{selector}}})',
        "eval_time": moment,
        "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts],
    }


def _with(alert: str, labels: set[str]) -> str:
    return f',alertname="{alert}"' + "".join(f',{label}!=""' for label in sorted(labels))


def _selector(key: str) -> str:
    """`metric{label=value}` with its quotes, its job and its instance."""
    metric, _, written = key.rstrip("}").partition("{")
    labels = dict(pair.split("=", 1) for pair in written.split(",") if pair)
    if "job" not in labels:
        labels["job"] = next(job for prefix, job in _OWNERS.items() if metric.startswith(prefix))
    labels.setdefault("instance", f"{labels['job']}:8000")
    return metric + "{" + ",".join(f'{name}="{labels[name]}"' for name in sorted(labels)) + "}"


def _values(text: str, end: int) -> str:
    """The values with what is repeated written out; calm ones reach to the end."""
    repeated = re.sub(r"\(([^)]*)\)\*(\d+)", lambda found: " ".join([found[1]] * int(found[2])), text)
    return repeated.replace("END", str(end))


def _minutes(moment: str) -> int:
    """`1h30m` in minutes."""
    return sum(int(number) * (60 if unit == "h" else 1) for number, unit in re.findall(r"(\d+)([hm])", moment))
