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

    def begin(self) -> bool:
        """Begin an attempt; it counts as a failure until it is taken back: many at once are counted, too.

        Returns: False where it has to wait.
        """
        now = self._clock()
        if len(self._failures) == MOST_FAILURES and now - self._failures[0] < WINDOW_SECONDS:
            return False
        self._failures.append(now)
        return True

    def take_back(self) -> None:
        """An attempt that was begun is no failure: it was right, or nobody could say."""
        self._failures.pop()
