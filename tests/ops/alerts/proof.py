"""The proof: each round of faults injected on one stack, every alert awaited as it fires and as it clears."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.kit.prometheus import Alert
from tests.kit.waiting import until
from tests.ops.alerts.fault import Fault, Round
from tests.ops.alerts.site import FAULTS_CLOCK, Site

_POLL_SECONDS = 0.1
_CALM_SECONDS = 90.0
"""The longest window of a scaled rule, and the time that a stack under load takes to come back."""


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
            self._await(courses, self._fires, "does not fire", lambda fault: fault.fires_within)
        finally:
            for course in reversed(courses):
                self._step(course, "repaired")
        passing = [course for course in courses if not course.fault.lasts]
        self._await(passing, self._is_clear, "does not clear", self._clears_within)
        self._lasting |= {alert: one for one in courses if one not in passing for alert in one.fault.alerts}
        until(lambda: not self._site.clocks[FAULTS_CLOCK].now() - self._lasting.keys(), "all is calm", _CALM_SECONDS)

    @staticmethod
    def _clears_within(fault: Fault) -> float:
        return fault.clears_within

    @staticmethod
    def _step(course: _Course, what: str) -> None:
        """Take a story to its yield, or to its end; what goes wrong in it is a problem of its fault alone."""
        try:
            next(course.story, None)
        except Exception as problem:  # noqa: BLE001 - the others go on, and it is told in the fault's test
            course.outcome.problems.append(f"it was not {what}: {problem!r}")
        setattr(course, what, time.monotonic())

    @staticmethod
    def _await(
        courses: Sequence[_Course],
        come_true: Callable[[_Course, str], bool],
        otherwise: str,
        within: Callable[[Fault], float],
    ) -> None:
        """Wait for each alert of each fault, each within its own bound; a fault with a problem is not waited for."""
        began = time.monotonic()
        waiting = {alert: course for course in courses for alert in course.fault.alerts}
        while waiting:
            for alert, course in list(waiting.items()):
                if course.outcome.problems or come_true(course, alert):
                    del waiting[alert]
                elif time.monotonic() - began > within(course.fault):
                    course.outcome.problems.append(f"{alert} {otherwise} within {within(course.fault):g} s")
            time.sleep(_POLL_SECONDS)

    def _fires(self, course: _Course, alert: str) -> bool:
        """Whether it fires, with the labels that the fault names."""
        firing = self._site.clocks[course.fault.clock].first_since(alert, course.injected)
        seen = list(firing.seen.values()) if firing else []
        matching = [one for one in seen if course.fault.labels.items() <= one.labels.items()]
        if firing is None or not matching:
            return False
        course.outcome.fired_after[alert] = max(0.0, firing.since - course.injected)
        course.outcome.seen[alert] = matching
        return True

    def _is_clear(self, course: _Course, alert: str) -> bool:
        log = self._site.clocks[course.fault.clock]
        if alert in log.now():
            return False
        last = log.first_since(alert, course.repaired)
        course.outcome.cleared_after[alert] = last.until - course.repaired if last and last.until else 0.0
        return True


def rows(outcome: Outcome) -> list[str]:
    """Of the table that the proof ends with: alert, seconds to fire, seconds to clear, the fault in words."""
    found = []
    for alert in outcome.fault.alerts:
        times = (outcome.fired_after.get(alert), outcome.cleared_after.get(alert))
        shown = "".join("      - " if one is None else f"{one:6.1f} s" for one in times)
        clock = "" if outcome.fault.clock == FAULTS_CLOCK else f" (clock: {outcome.fault.clock} times)"
        found.append(f"{alert:26}{shown}  {outcome.fault.what}{clock}")
    return found
