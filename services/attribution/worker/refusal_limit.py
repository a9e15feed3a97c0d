"""How much of what comes in is unusable: past a share of it, somebody publishes the wrong thing to the topic."""

from collections import deque

from services.kernel.errors import StartRefused

WINDOW = 1000
"""Records looked back over; fewer are never judged."""


class RefusalLimit:
    """The last records of one topic: which of them were undecodable or invalid."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._recent: deque[bool] = deque(maxlen=WINDOW)

    def check(self, usable: int, unusable: int) -> None:
        """Take in a chunk, before any of it is sent to the dead-letter topic.

        Raises:
            StartRefused: more than half of the last WINDOW records were unusable.
        """
        if not unusable and len(self._recent) == WINDOW and not any(self._recent):
            return
        self._recent.extend([False] * usable)
        self._recent.extend([True] * unusable)
        if len(self._recent) == WINDOW and sum(self._recent) * 2 > WINDOW:
            raise StartRefused(
                f"{sum(self._recent)} of the last {WINDOW} records of {self._topic} are not events of this topic: "
                f"somebody publishes the wrong thing; stop them before this worker starts again"
            )
