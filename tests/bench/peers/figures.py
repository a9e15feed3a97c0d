"""What the runs say: a line for each, a table of medians, and the summary that a program reads."""

from statistics import median
from typing import Any, NamedTuple

from tests.bench.peers.measuring import Run

_HEAD = (
    f"{'median of':24} {'CPU us/event':>12} {'ratio':>8} {'2nd half':>9} {'events/s':>10} {'emissions':>10} "
    f"{'bytes each':>10}"
)


class Result(NamedTuple):
    """A run and what it has published."""

    run: Run
    emissions: int
    bytes_each: float


def line(name: str, result: Result) -> str:
    """One run's figures as a sentence."""
    run = result.run
    return (
        f"{name}: {run.cpu_us_per_event:.2f} us of CPU an event ({run.second_half_us:.2f} in the second half), "
        f"{run.events_per_second:,.0f} events/s, {result.emissions:,} emissions of {result.bytes_each:.0f} bytes"
    )


def summary(runs: dict[str, list[Result]]) -> dict[str, dict[str, Any]]:
    """Medians by contender, with each run's CPU microseconds an event."""
    return {name: _medians(results) for name, results in runs.items()}


def _medians(results: list[Result]) -> dict[str, Any]:
    return {
        "cpu_us_per_event": round(median(result.run.cpu_us_per_event for result in results), 2),
        "second_half_cpu_us_per_event": round(median(result.run.second_half_us for result in results), 2),
        "events_per_second": round(median(result.run.events_per_second for result in results)),
        "emissions": round(median(result.emissions for result in results)),
        "bytes_per_emission": round(median(result.bytes_each for result in results)),
        "runs": [round(result.run.cpu_us_per_event, 2) for result in results],
    }


def table(runs: dict[str, list[Result]]) -> str:
    """Medians and their ratio to the first contender's, a row each."""
    rows = summary(runs)
    base = next(iter(rows.values()))["cpu_us_per_event"]
    lines = [
        f"{name:24} {row['cpu_us_per_event']:12.2f} {row['cpu_us_per_event'] / base:8.2f} "
        f"{row['second_half_cpu_us_per_event']:9.2f} {row['events_per_second']:10,} {row['emissions']:10,} "
        f"{row['bytes_per_emission']:10,}"
        for name, row in rows.items()
    ]
    return "\n".join([_HEAD, *lines])
