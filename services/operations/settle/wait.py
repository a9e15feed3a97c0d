"""Wait, without any lock, until the books know all that had been published when the run was asked for.

Ends are taken once and not again: a shop that never stops publishing does not keep its runs from starting. Attribution
may send an event on to another partition of its topic, so the ends of its inputs are taken a second time.
"""

import time
from collections.abc import Callable, Collection, Mapping

from schemas.topics import CLICKS, CREDITS, ORDERS, REGISTRY
from services.kernel.errors import Stalled
from services.operations.drain.drain import POLL_SECONDS, LogPlace, PositionSource, ReaderPositions, missing, sentence

Progress = Callable[[str], None]
"""Told what is waited for, a line whenever it changes."""

_ATTRIBUTED = (CLICKS.name, ORDERS.name)


def wait_for_the_books(positions: PositionSource, timeout_seconds: float, progress: Progress) -> None:
    """Wait until attribution and the books have read what was there at the start, and no line waits for a new price.

    Raises:
        Stalled: the time is up; says what is behind.
    """
    deadline = time.monotonic() + timeout_seconds
    waiting = _Wait(positions, deadline, timeout_seconds, progress)
    at_start = waiting.ends((*_ATTRIBUTED, REGISTRY.name))
    registry = {place: end for place, end in at_start.items() if place[0] == REGISTRY.name}
    waiting.until({place: end for place, end in at_start.items() if place not in registry})
    waiting.until(waiting.ends(_ATTRIBUTED))
    waiting.until({**waiting.ends((CREDITS.name,)), **registry}, with_jobs=True)


class _Wait:
    """One wait: its deadline, and what was said last."""

    def __init__(self, positions: PositionSource, deadline: float, timeout_seconds: float, progress: Progress) -> None:
        self._positions = positions
        self._deadline = deadline
        self._timeout_seconds = timeout_seconds
        self._progress = progress
        self._said = ""

    def ends(self, topics: Collection[str]) -> dict[LogPlace, int]:
        """Where the logs of these topics end now."""
        while True:
            try:
                return {place: end for place, end in self._positions.ends().items() if place[0] in topics}
            except ConnectionError as problem:
                self._pause(str(problem))

    def until(self, ends: Mapping[LogPlace, int], *, with_jobs: bool = False) -> None:
        """Come back when nothing is behind these ends; what is not published yet does not matter."""
        while True:
            try:
                reached = self._positions.reached()
                reached = ReaderPositions(reached.offsets, reached.open_jobs, unpublished={})
                behind = missing(ends, reached if with_jobs else reached._replace(open_jobs={}))
                if not behind:
                    return
                self._pause(sentence(behind))
            except ConnectionError as problem:
                self._pause(str(problem))

    def _pause(self, waits_for: str) -> None:
        if waits_for != self._said:
            self._progress(waits_for)
            self._said = waits_for
        if time.monotonic() >= self._deadline:
            raise Stalled(
                f"nothing was settled: after {self._timeout_seconds:g} s the books still wait for {waits_for}"
            )
        time.sleep(POLL_SECONDS)
