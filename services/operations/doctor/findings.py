"""A finding of the doctor: what was checked, whether it is well, and what was seen or has to be done."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from services.kernel.errors import InvariantBroken, StartRefused


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


_SENTENCES = (StartRefused, ConnectionError, InvariantBroken)
"""What a check raises with a sentence that names the remedy."""


def run_check(name: str, check: Callable[[], str]) -> DoctorFinding:
    """Run a check that returns what it saw."""
    try:
        return DoctorFinding(name, Severity.OK, check())
    except _SENTENCES as problem:
        return DoctorFinding(name, Severity.PROBLEM, str(problem))


def run_checks(name: str, check: Callable[[], Iterable[DoctorFinding]]) -> Iterator[DoctorFinding]:
    """Run a check with findings of its own; what ends it is one more."""
    try:
        yield from check()
    except _SENTENCES as problem:
        yield DoctorFinding(name, Severity.PROBLEM, str(problem))
