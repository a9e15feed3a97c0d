"""A reading that takes longer than a page may: made beside the pages when somebody looks, and kept for a while."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

import structlog

from services.console.readiness import DATABASE_AWAY
from services.kernel.errors import StartRefused
from services.kernel.time import to_micros

KeptValue = TypeVar("KeptValue")
_log = structlog.get_logger("console")
_OVERDUE_SECONDS = 60.0
"""So long after it was due for a new reading a value is still told, and at least for as long as two readings take."""

_NO_ANSWER = "The database does not answer."
_FAILED = "This could not be read. The log of the console says why."


class LastReading(NamedTuple, Generic[KeptValue]):
    """What is known.

    Attributes:
        value: of the last reading that came to its end; None = none did, or the value says nothing about now: nobody
            has looked for long, or something was changed since.
        as_of: when that began, microseconds.
        problem: why the newest one failed, a sentence; None = it did not.
    """

    value: KeptValue | None
    as_of: int
    problem: str | None

    @property
    def is_read(self) -> bool:
        """Whether there is an answer: a value, or why there is none; else it is being read."""
        return self.value is not None or self.problem is not None

    @property
    def is_sure(self) -> bool:
        """Whether the value is what the newest reading gave."""
        return self.value is not None and self.problem is None


class KeptReading(Generic[KeptValue]):
    """Reads on a thread of its own, one reading at a time, and only while somebody looks.

    Args:
        read: makes the value; may raise what says that Kafka or the database is away.
        fresh_seconds: so long a reading is new enough.
        rest: a reading is also new enough for so many times as long as it took.
        clock: seconds.
    """

    def __init__(
        self,
        read: Callable[[], KeptValue],
        fresh_seconds: float,
        rest: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._fresh_seconds, self._rest, self._clock = read, fresh_seconds, rest, clock
        self._changed = threading.Condition()
        self._last: LastReading[KeptValue] = LastReading(None, 0, None)
        self._is_reading = False
        self._changes = 0
        self._due = self._told_until = 0.0

    def look(self, wait_seconds: float = 0.0) -> LastReading[KeptValue]:
        """The last reading; begins a new one where that is due. One that nobody has looked at for long is not told.

        Args:
            wait_seconds: how long to wait at most where nothing is known.
        """
        with self._changed:
            if not self._is_reading and self._clock() >= self._due:
                self._is_reading = True
                threading.Thread(target=self._take, args=(self._changes,), name="reading", daemon=True).start()
            self._changed.wait_for(lambda: self._told().value is not None or not self._is_reading, wait_seconds)
            return self._told()

    def forget(self) -> None:
        """Something has changed: nothing is known until a reading ends that begins now or later.

        A reading that is under way may have missed the change, so it does not count.
        """
        with self._changed:
            self._due = self._told_until = 0.0
            self._changes += 1

    def _told(self) -> LastReading[KeptValue]:
        return self._last if self._clock() <= self._told_until else LastReading(None, 0, None)

    def _take(self, changes: int) -> None:
        """One reading; one that fails leaves the last value."""
        began, as_of = self._clock(), to_micros(datetime.now(UTC))
        value, problem = None, None
        try:
            value = self._read()
        except (ConnectionError, StartRefused) as refusal:
            problem = str(refusal)
        except DATABASE_AWAY as failure:
            _log.warning("not read", error=type(failure).__name__)
            problem = _NO_ANSWER
        except Exception:  # noqa: BLE001 - whatever it was, the page says that it failed
            _log.exception("not read")
            problem = _FAILED
        took = self._clock() - began
        with self._changed:
            if problem is None:
                self._last = LastReading(value, as_of, None)
            else:
                self._last = self._last._replace(problem=problem)
            if changes == self._changes:
                self._due = began + took + max(self._fresh_seconds, self._rest * took)
                self._told_until = self._due + max(_OVERDUE_SECONDS, 2 * took)
            self._is_reading = False
            self._changed.notify_all()
