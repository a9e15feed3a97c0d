"""`koc doctor`: check everything that a start checks, and say what to do."""

import json
import sys
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="A list of {check, ok, severity, detail}.")] = False,
) -> None:
    """Check the machine, Kafka, the topics, the snapshots, PostgreSQL, the books and the workers.

    Exit 1 if there is a problem. A note names something that a person should look at while everything works.
    Machine and workers are looked at only for a local stack, that is unless KOC_KAFKA_BOOTSTRAP leads elsewhere.

    Examples: koc doctor · koc doctor --json
    """
    from services.operations.doctor.examination import examine
    from services.operations.doctor.findings import Severity

    labels = {Severity.OK: "ok", Severity.NOTE: "note", Severity.PROBLEM: "PROBLEM"}
    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            print(f"{labels[finding.severity]:7}  {finding.check}: {finding.detail}", flush=True)
    if as_json:
        fields = [
            {"check": one.check, "ok": one.ok, "severity": one.severity, "detail": one.detail} for one in findings
        ]
        print(json.dumps(fields))
    sys.exit(0 if all(finding.ok for finding in findings) else 1)
