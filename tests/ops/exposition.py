"""What a process exposes at /metrics: read as Prometheus reads it, and held against the registry."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator

from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from services.runtime.metrics import Metric
from tests.kit.metrics import groups, stray_labels
from tests.kit.prometheus import Prometheus

OTHERS = ("faust_", "process_", "python_")
"""What the names of metrics begin with that are not ours; those of Faust are the worker's alone."""
FAUST_LABELS = frozenset({"topic", "partition", "stream", "operation", "le"})
"""Labels of Faust's series: of topics and of its one stream, never of a key."""


def pages(prometheus: Prometheus) -> dict[str, str]:
    """What each process that is scraped exposes now, by its job."""
    targets = json.loads(_text(f"{prometheus.address}/api/v1/targets"))["data"]["activeTargets"]
    return {target["labels"]["job"]: _text(target["scrapeUrl"]) for target in targets}


def _text(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - processes of ours on loopback
        return str(answer.read().decode())


def complaints(promtool: str, page: str) -> str:
    """What `promtool check metrics` says; empty if nothing is wrong."""
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True)
    return done.stdout + done.stderr + (f"status {done.returncode}" if done.returncode else "")


def findings(job: str, page: str) -> list[str]:
    """Where a page is not what the registry says of this kind of process; empty if it is."""
    declared = {
        metric.name.removesuffix("_total"): metric for group in ("common", job) for metric in groups()[group].declared
    }
    families = {family.name: family for family in text_string_to_metric_families(page)}
    ours = {name: family for name, family in families.items() if name.startswith("koc_")}
    return [
        *(f"{name} is declared and not served" for name in declared.keys() - ours.keys()),
        *(f"{name} is served and not declared" for name in ours.keys() - declared.keys()),
        *(found for name in ours.keys() & declared.keys() for found in _of_family(declared[name], ours[name])),
        *(found for name, family in families.items() if name not in ours for found in _of_other(job, family)),
    ]


def _of_family(metric: Metric, family: Family) -> Iterator[str]:
    if family.type != metric.type:
        yield f"{metric.name} is a {family.type}, not a {metric.type}"
    if family.documentation != metric.meaning:
        yield f"{metric.name} has another meaning: {family.documentation}"
    for sample in family.samples:
        labels = {name: value for name, value in sample.labels.items() if (family.type, name) != ("histogram", "le")}
        if stray := stray_labels(metric, labels):
            yield f"{sample.name} has labels that are not declared: {stray}"


def _of_other(job: str, family: Family) -> Iterator[str]:
    if not family.name.startswith(OTHERS) or (family.name.startswith("faust_") and job != "attribution"):
        yield f"{family.name} is nobody's"
    if family.name.startswith("faust_"):
        for sample in family.samples:
            if stray := set(sample.labels) - FAUST_LABELS:
                yield f"{sample.name} has labels that may be unbounded: {sorted(stray)}"
