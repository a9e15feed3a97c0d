"""The proof: each round of faults injected on one stack, every alert awaited as it fires and as it clears."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.kit.prometheus import Alert
from tests.kit.waiting import until
from tests.ops.alerts.expressions import operands
from tests.ops.alerts.fault import Fault, Round
from tests.ops.alerts.site import FAULTS_CLOCK, SLOW_BURNS, Site, clock_of

ROWS = "rows of the proof"
"""The property of a test that holds its row of the table."""
_SKEW_SECONDS = 1.0
"""A scrape may come after the moment that a query asks about: an age is then below zero by as much."""
_ROUND_SECONDS = 600.0
"""More than any fault may take."""


@dataclass
class Outcome:
    """What became of a fault.

    Attributes:
        fired_after: seconds from the injection until an alert fired, by name.
        cleared_after: seconds from the end of the repair.
        seen: the instances of an alert that fired.
        problems: why it is no proof; a sentence each.
    """

    fault: Fault
    fired_after: dict[str, float] = field(default_factory=dict)
    cleared_after: dict[str, float] = field(default_factory=dict)
    seen: dict[str, list[Alert]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class _Course:
    """A fault on its way; moments are of the monotonic clock."""

    outcome: Outcome
    story: Iterator[None]
    injected: float = 0.0
    repaired: float = 0.0

    @property
    def fault(self) -> Fault:
        return self.outcome.fault


class Proof:
    """Runs each round when one of its alerts is asked for, once.

    Args:
        site: must be calm.
        rounds: in the order in which they may follow each other.
    """

    def __init__(self, site: Site, rounds: Sequence[Round]) -> None:
        self._site, self._rounds = site, rounds
        self._lasting: dict[str, _Course] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._began = time.monotonic()

    def outcome_of(self, alert: str) -> Outcome:
        """What became of the fault that must raise an alert."""
        if alert not in self._outcomes:
            self._run(next(one for one in self._rounds if any(alert in fault.alerts for fault in one)))
        if course := self._lasting.pop(alert, None):
            self._await([course], self._is_clear, "does not clear", self._clears_within)
        return self._outcomes[alert]

    def _run(self, faults: Round) -> None:
        """Inject all, await all, repair all, await that nothing fires any more but what lasts."""
        courses = [_Course(Outcome(fault), fault.story(self._site)) for fault in faults]
        self._outcomes |= {alert: course.outcome for course in courses for alert in course.fault.alerts}
        try:
            for course in courses:
                self._step(course, "injected")
            self._await(courses, self._fires, "does not fire", lambda fault: fault.fires_within, then=self._repair)
        finally:
            for course in reversed(courses):
                self._repair(course)
        self._await(courses, self._is_clear, "does not clear", self._clears_within, passing=True)
        self._lasting |= {alert: course for course in courses for alert in course.fault.lasts}
        self._site.clocks[FAULTS_CLOCK].await_calm({*self._lasting, *SLOW_BURNS})

    def _repair(self, course: _Course) -> None:
        if not course.repaired:
            self._step(course, "repaired")

    @staticmethod
    def _clears_within(fault: Fault) -> float:
        return fault.clears_within

    def _step(self, course: _Course, what: str) -> None:
        """Take a story to its yield, or to its end; what goes wrong in it is a problem of its fault alone."""
        try:
            next(course.story, None)
        except Exception as problem:  # noqa: BLE001 - the others go on, and it is told in the fault's test
            course.outcome.problems.append(f"it was not {what}: {problem!r}")
        print(
            f"{time.monotonic() - self._began:6.1f} {what}: {course.fault.name} {course.outcome.problems or ''}",
            flush=True,
        )
        setattr(course, what, time.monotonic())

    @staticmethod
    def _await(
        courses: Sequence[_Course],
        come_true: Callable[[_Course, str], bool],
        otherwise: str,
        within: Callable[[Fault], float],
        *,
        passing: bool = False,
        then: Callable[[_Course], None] | None = None,
    ) -> None:
        """Wait for each alert of each fault, each within its own bound; a fault with a problem is not waited for.

        Args:
            passing: leave out those that last.
            then: told of each fault of which all came true, unless others rest on it.
        """
        began = time.monotonic()
        waiting = {
            alert: course
            for course in courses
            for alert in course.fault.alerts
            if not (passing and alert in course.fault.lasts)
        }

        def look() -> bool:
            for alert, course in list(waiting.items()):
                if course.outcome.problems or come_true(course, alert):
                    del waiting[alert]
                    if then and not course.fault.is_base and course not in waiting.values():
                        then(course)
                elif time.monotonic() - began > within(course.fault):
                    course.outcome.problems.append(f"{alert} {otherwise} within {within(course.fault):g} s")
            return not waiting

        until(look, "each alert came true or did not", _ROUND_SECONDS)

    def _fires(self, course: _Course, alert: str) -> bool:
        """Whether it fires, with the labels that the fault names."""
        firing = self._site.log_of(alert).first_since(alert, course.injected)
        seen = list(firing.seen.values()) if firing else []
        matching = [one for one in seen if course.fault.labels.items() <= one.labels.items()]
        if firing is None or not matching:
            return False
        course.outcome.fired_after[alert] = max(0.0, firing.since - course.injected)
        course.outcome.seen[alert] = matching
        return True

    def _is_clear(self, course: _Course, alert: str) -> bool:
        log = self._site.log_of(alert)
        if alert in log.now():
            return False
        last = log.first_since(alert, course.repaired)
        course.outcome.cleared_after[alert] = last.until - course.repaired if last and last.until else 0.0
        return True


def row(outcome: Outcome, alert: str) -> str:
    """Of the table that the proof ends with: alert, seconds to fire, seconds to clear, the fault in words."""
    times = (outcome.fired_after.get(alert), outcome.cleared_after.get(alert))
    shown = "".join("      - " if one is None else f"{one:6.1f} s" for one in times)
    clock = "" if clock_of(alert) == FAULTS_CLOCK else f" (by a clock of {clock_of(alert)})"
    return f"{alert:26}{shown}  {outcome.fault.what}{clock}"


def check_outcome(proof: Proof, alert: str, record_property: Callable[[str, object], None]) -> None:
    """Demand that an alert fired and cleared, and that it said what a person needs; its row goes to the table."""
    outcome = proof.outcome_of(alert)
    record_property(ROWS, row(outcome, alert))
    assert outcome.problems == [], f"{outcome.fault.name}: {outcome.fault.what}"
    for one in outcome.seen[alert]:
        assert one.labels["severity"] in {"page", "ticket"}, one
        assert one.annotations["runbook_url"].endswith(f"docs/runbook.md#{alert.lower()}"), one
        for text in (one.annotations["summary"], one.annotations["description"]):
            assert text.endswith("."), one
            assert not re.search(r"{{|<no value>|<error|NaN|\s\s|\(\)", text), one


def check_values(site: Site, alert: str) -> None:
    """Demand that all that an alert compares had values in the run: counts, ages and sums, none below zero."""
    [rule] = [rule for rule in site.prometheus.rules() if rule["name"] == alert]
    assert rule["health"] == "ok", rule["lastError"]
    for operand in operands(rule["query"]):
        least = [float(one["value"][1]) for one in site.prometheus.ask(f"min_over_time(({operand})[20m:2s])")]
        assert least, f"{alert}: {operand} has had no series"
        assert min(least) >= -_SKEW_SECONDS or _may_be_negative(operand), f"{alert}: {operand} was {min(least)}"


def _may_be_negative(operand: str) -> bool:
    """Amounts of either sign, forecasts, and what is less than it was before."""
    return operand.startswith(("-", "predict_linear(")) or "] offset " in operand
