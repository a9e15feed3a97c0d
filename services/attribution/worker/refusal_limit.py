"""The share of unusable records in a topic: above a limit, a publisher sends the wrong records to it."""

from collections import deque

from services.kernel.errors import StartRefused

WINDOW = 1000
"""The number of last records that are checked; fewer records are never checked."""


class RefusalLimit:
    """The last records of one topic, and which of them were undecodable or invalid."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._recent: deque[bool] = deque(maxlen=WINDOW)

    def check(self, usable: int, unusable: int) -> None:
        """Count the records of a chunk, before any of them is sent to the dead-letter topic.

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
                f"a publisher sends the wrong records; stop it before this worker starts again"
            )
