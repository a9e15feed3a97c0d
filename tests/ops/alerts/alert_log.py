"""What fired when: a thread that asks Prometheus for its alerts all the while, as a pager would hear of them."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Self

from tests.kit.prometheus import Alert, Prometheus
from tests.kit.waiting import until

_LOOK_SECONDS = 0.2
_CALM_SECONDS = 90.0
"""The longest window of most rules at the faults' clock, and the time that a stack under load takes to come back."""


@dataclass
class Firing:
    """A time for which an alert fired, by the monotonic clock; `until` is None while it does.

    Attributes:
        seen: each of its instances, by labels.
    """

    name: str
    since: float
    until: float | None = None
    seen: dict[tuple[tuple[str, str], ...], Alert] = field(default_factory=dict)


class AlertLog:
    """The alerts of a server since the start of the block.

    Args:
        prometheus: asked five times a second.
    """

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._firings: list[Firing] = []
        self._pending: set[str] = set()
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="alert-log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def now(self) -> set[str]:
        """The names of all that fire now."""
        with self._turn:
            return {firing.name for firing in self._firings if firing.until is None}

    def pending(self) -> set[str]:
        """The names of all that will fire if what they are about lasts."""
        return set(self._pending)

    def await_calm(self, ignored: Collection[str] = ()) -> None:
        """Wait until nothing fires, and nothing is about to, but what may.

        Raises:
            AssertionError: something does; it is named.
        """
        try:
            until(lambda: not (self.now() | self.pending()) - {*ignored}, "no alert", _CALM_SECONDS)
        except AssertionError:
            raise AssertionError(f"there still is {', '.join(self.now() | self.pending())}") from None

    def first_since(self, name: str, moment: float) -> Firing | None:
        """The first time that an alert fired after a moment, or fired already then."""
        return next((one for one in self.since(moment) if one.name == name), None)

    def since(self, moment: float) -> list[Firing]:
        """All that fired after a moment of the monotonic clock, in order."""
        with self._turn:
            return [one for one in self._firings if one.until is None or one.until > moment]

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            try:
                active = self._prometheus.alerts()
            except OSError:
                continue  # a server under load answers the next time
            self._pending = {alert.name for alert in active if not alert.is_firing}
            self._note([alert for alert in active if alert.is_firing])

    def _note(self, found: list[Alert]) -> None:
        now = time.monotonic()
        with self._turn:
            open_ones = {one.name: one for one in self._firings if one.until is None}
            for name in open_ones.keys() - {alert.name for alert in found}:
                open_ones[name].until = now
            for alert in found:
                if alert.name not in open_ones:
                    open_ones[alert.name] = Firing(alert.name, now)
                    self._firings.append(open_ones[alert.name])
                open_ones[alert.name].seen[tuple(sorted(alert.labels.items()))] = alert
