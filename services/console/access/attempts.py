"""How often somebody may try to sign in: guesses at a password or a token are slowed down for everybody."""

import time
from collections import deque
from collections.abc import Callable

MOST_FAILURES = 20
WINDOW_SECONDS = 60.0


class Attempts:
    """Failures of the last minute; above the bound nobody is let try until they are older.

    Args:
        clock: seconds; only grows.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=MOST_FAILURES)

    @property
    def are_too_many(self) -> bool:
        """Whether the next attempt has to wait."""
        return len(self._failures) == MOST_FAILURES and self._clock() - self._failures[0] < WINDOW_SECONDS

    def failed(self) -> None:
        """One more failure."""
        self._failures.append(self._clock())
