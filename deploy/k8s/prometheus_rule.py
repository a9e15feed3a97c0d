"""Write the PrometheusRule of deploy/k8s from the rules that Prometheus loads; `--check`: say whether it is fresh."""

import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus/rules/koc.yml"
TARGET = HERE / "components/monitoring/prometheus-rule.yaml"
HEAD = "# Generated from deploy/prometheus/rules/koc.yml by `make docs`; do not edit.\n"


def rendered() -> str:
    """The object that prometheus-operator takes: the same groups under `spec`."""
    document = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "koc-settlement", "labels": {"app.kubernetes.io/part-of": "koc-settlement"}},
        "spec": yaml.safe_load(RULES.read_text()),
    }
    return HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def main() -> int:
    """Write, or check."""
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(rendered())
        return 0
    if TARGET.exists() and TARGET.read_text() == rendered():
        return 0
    print(f"{TARGET.relative_to(HERE.parents[1])} is not fresh: run `make docs`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
