"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import Protocol
from urllib.error import URLError

SECONDS = 180.0
_POLL_SECONDS = 0.05


class Watched(Protocol):
    """Something that is expected to live while others wait for it."""

    def problem(self) -> str | None:
        """Why it lives no more; None while it does."""

    def last_words(self) -> str:
        """What it said last, for a person who looks for the reason."""


def until(holds: Callable[[], object], what: str, seconds: float = SECONDS, process: Watched | None = None) -> None:
    """Wait until a condition holds.

    Args:
        holds: asked again and again. An answer that does not come in time is none yet; any other error ends the wait.
        what: names the condition, for whoever reads that it did not come true.
        seconds: how long at most.
        process: whose end is the end of the wait, too.

    Raises:
        AssertionError: it did not come true in time, or the process has ended.
    """
    deadline, late = time.monotonic() + seconds, ""
    while True:
        try:
            if holds():
                return
            late = ""
        except OSError as failure:
            if not _is_late(failure):
                raise
            late = f" (last: {failure})"
        if process is not None and (problem := process.problem()):
            raise AssertionError(f"{problem} before {what}: {process.last_words()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}{late}; {process.last_words() if process else ''}")
        time.sleep(_POLL_SECONDS)


def _is_late(failure: OSError) -> bool:
    """Whether someone did not answer in time, but may do so later. A refused connection says that nobody is there."""
    return isinstance(failure.reason if isinstance(failure, URLError) else failure, TimeoutError)
