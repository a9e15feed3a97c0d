"""Writes rules/koc.yml, the recording and alerting rules of Prometheus, from one typed template a rule.

The table of alerts in docs/runbook.md is written from the same templates.

python deploy/prometheus/alerts.py                              write them
python deploy/prometheus/alerts.py --check                      exit 1 if a committed file is stale
python deploy/prometheus/alerts.py --scale 60 --output FILE     the same rules in a time that runs 60 times as fast
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from burn_rates import BURN_RATES, OBJECTIVES
from console_alerts import PAGES
from money_alerts import BROKEN, MONEY
from pipeline_alerts import PIPELINE, PROCESSES
from settlement_alerts import RELAY, SETTLEMENT
from template import EVALUATION, Alert, Group, Recording, Scale

TARGET = Path(__file__).parent / "rules/koc.yml"
GROUPS = (OBJECTIVES, BURN_RATES, PROCESSES, PIPELINE, BROKEN, MONEY, SETTLEMENT, RELAY, PAGES)
RUNBOOK = "docs/runbook.md"
"""Where alerts lead. Put the address of your copy of the repository before it."""
PAGE_FILE = Path(__file__).parents[2] / RUNBOOK
_TABLE_BEGIN = "<!-- alerts: written by deploy/prometheus/alerts.py (`make docs`) -->\n"
_TABLE_END = "<!-- end of alerts -->\n"
_HEAD = "# Written by deploy/prometheus/alerts.py (`make docs`).\n"


class _Dumper(yaml.SafeDumper):
    """YAML as a person would write it: lists indented, expressions of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def alerts() -> list[Alert]:
    """All alerts, in order."""
    return [rule for group in GROUPS for rule in group.rules if isinstance(rule, Alert)]


def anchor(alert: Alert) -> str:
    """Where docs/runbook.md speaks of it."""
    return f"{RUNBOOK}#{alert.name.lower()}"


def _rule(rule: Recording | Alert, scale: Scale) -> dict[str, Any]:
    """A rule as Prometheus reads it."""
    if isinstance(rule, Recording):
        labels = {"labels": dict(rule.labels)} if rule.labels else {}
        return {"record": rule.record, "expr": scale.text(rule.expression), **labels}
    return {
        "alert": rule.name,
        "expr": scale.text(rule.expression),
        "for": scale.duration(rule.hold),
        "labels": {"severity": rule.severity},
        "annotations": {"summary": rule.summary, "description": rule.description, "runbook_url": anchor(rule)},
    }


def _group(group: Group, scale: Scale) -> dict[str, Any]:
    rules = [_rule(rule, scale) for rule in group.rules]
    return {"name": group.name, "interval": scale.duration(EVALUATION), "rules": rules}


def build(scale: Scale) -> str:
    """The rules as YAML."""
    content = {"groups": [_group(group, scale) for group in GROUPS]}
    return _HEAD + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


def table() -> str:
    """All alerts as the table of docs/runbook.md, each with a link to its section."""
    rows = [
        f"| [{alert.name}](#{alert.name.lower()}) | {alert.severity} | {alert.hold} | {_plain(alert.summary)} |\n"
        for alert in alerts()
    ]
    return "".join(("| alert | severity | for | says |\n|---|---|---|---|\n", *rows))


def _plain(text: str) -> str:
    """A text with the names of labels in the place of their values."""
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: found[1].upper(), text)


def page() -> str:
    """docs/runbook.md with the table in its place."""
    before, _, rest = PAGE_FILE.read_text().partition(_TABLE_BEGIN)
    return before + _TABLE_BEGIN + table() + _TABLE_END + rest.partition(_TABLE_END)[2]


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true")
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--output", type=Path, default=TARGET)
    chosen = options.parse_args(arguments)
    written = {chosen.output: build(Scale(chosen.scale))}
    if chosen.output == TARGET:
        written[PAGE_FILE] = page()
    if not chosen.check:
        for file, content in written.items():
            file.write_text(content)
        return 0
    stale = [file.name for file, content in written.items() if not file.exists() or file.read_text() != content]
    if stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
