"""A finding of the doctor: what was checked, whether it is well, and what was seen or has to be done."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from services.kernel.errors import StartRefused


class Severity(StrEnum):
    """How a finding weighs: `problem` alone makes the doctor's exit status 1."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class DoctorFinding(NamedTuple):
    """One line of the doctor's report.

    Args:
        check: what was looked at.
        severity: ok; note: worth a person's attention, but nothing stands still; problem.
        detail: what was seen, and for a note or a problem the remedy.
    """

    check: str
    severity: Severity
    detail: str

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.severity is not Severity.PROBLEM


def run_check(name: str, check: Callable[[], str]) -> DoctorFinding:
    """Run one check: it returns what it saw, or raises a sentence that names the remedy."""
    try:
        return DoctorFinding(name, Severity.OK, check())
    except (StartRefused, ConnectionError) as problem:
        return DoctorFinding(name, Severity.PROBLEM, str(problem))
