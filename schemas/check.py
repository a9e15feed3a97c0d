"""The contract test kit: check samples of your events against the contract. Needs this package and pydantic, no broker.

python -m schemas.check FILE…       JSON lines, or JSON documents and arrays; packed with gzip too; - is standard input

A sample is an event, or `{"key": …, "value": …}`, or a line of `kcat -J`: then key and partition are checked as well.
Exit status: 0 all valid (there may be warnings), 1 something is invalid, 2 usage.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.findings import Finding, judge
from schemas.samples import Sample, check_names, samples
from schemas.together import Together
from schemas.topics import BY_NAME

_SHOWN = 100


@dataclass(slots=True)
class Report:
    """What was found in samples.

    Attributes:
        events: valid ones, by topic.
        invalid: samples that are no event, or one that will be refused, or that lies in the wrong place.
        repeated: copies of an event that was seen before, which is allowed.
        unknown_fields: how often fields stood there that the contract does not know (they are ignored), by path.
    """

    events: Counter[str] = field(default_factory=Counter)
    invalid: int = 0
    repeated: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def warnings(self) -> int:
        """How many findings are only dubious."""
        return sum(one.warning for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return {
            "valid": self.invalid == 0,
            "events": dict(sorted(self.events.items())),
            "invalid": self.invalid,
            "warnings": self.warnings,
            "repeated": self.repeated,
            "unknown_fields": dict(sorted(self.unknown_fields.items())),
            "findings": [one._asdict() for one in self.findings],
        }


def check(found: Iterable[Sample], topic: str | None = None) -> Report:
    """Check samples, each by itself and all together; `topic` None: what each record or its event_type says."""
    report, together = Report(), Together()
    for sample in found:
        judged = judge(sample, topic)
        report.findings += judged.findings
        if judged.event is None:
            continue
        report.findings += together.add(sample.where, judged.topic, judged.event)
        report.unknown_fields.update(re.sub(r"\.[0-9]+(?=\.|$)", "[]", path) for path in judged.unknown_fields)
        report.events[judged.topic] += 1
    report.findings += together.end()
    report.repeated = together.repeated
    report.invalid = len({one.where for one in report.findings if not one.warning})
    return report


def as_text(report: Report) -> Iterable[str]:
    """For a person."""
    for one in report.findings[:_SHOWN]:
        yield str(one)
    if len(report.findings) > _SHOWN:
        yield f"… and {len(report.findings) - _SHOWN:,} more (--json has all)"
    for path, count in sorted(report.unknown_fields.items()):
        yield f"warning: unknown field {path}, ignored {count:,} times"
    for name, count in sorted(report.events.items()):
        yield f"{count:10,}  {name}"
    yield f"{report.repeated:10,}  of them repeated, which is allowed"
    yield f"{report.warnings:10,}  warnings"
    yield f"{report.invalid:10,}  invalid"


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m schemas.check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument("--topic", choices=sorted(BY_NAME), help="read all as records of it; default: by event_type")
    parser.add_argument("--json", action="store_true", help="one object: counts and findings")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    """Check files; returns the exit status."""
    arguments = _arguments(given)
    try:
        check_names(arguments.files)
        report = check((sample for name in arguments.files for sample in samples(name)), arguments.topic)
    except (FileNotFoundError, ValueError) as problem:
        sys.stderr.write(f"schemas.check: {problem}\n")
        return 2
    text = json.dumps(report.as_json(), ensure_ascii=False) if arguments.json else "\n".join(as_text(report))
    sys.stdout.write(f"{text}\n")
    return 1 if report.invalid else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
