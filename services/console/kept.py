"""A reading that takes longer than a page may: made beside the pages when somebody looks, and kept for a while."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.kernel.errors import StartRefused
from services.kernel.time import to_micros

KeptValue = TypeVar("KeptValue")
_log = structlog.get_logger("console")
_DATABASE_AWAY = "The database does not answer."
_FAILED = "This could not be read. The log of the console says why."


class LastReading(NamedTuple, Generic[KeptValue]):
    """What is known.

    Attributes:
        value: of the last reading that came to its end; None = none did yet.
        as_of: when that began, microseconds.
        problem: why the newest one failed, a sentence; None = it did not.
    """

    value: KeptValue | None
    as_of: int
    problem: str | None


class KeptReading(Generic[KeptValue]):
    """Reads on a thread of its own, one reading at a time, and only while somebody looks.

    Args:
        read: makes the value; may raise what says that Kafka or the database is away.
        fresh_seconds: so long a reading is new enough.
        rest: a reading is also new enough for so many times as long as it took.
    """

    def __init__(self, read: Callable[[], KeptValue], fresh_seconds: float, rest: float = 0) -> None:
        self._read, self._fresh_seconds, self._rest = read, fresh_seconds, rest
        self._changed = threading.Condition()
        self._last: LastReading[KeptValue] = LastReading(None, 0, None)
        self._is_reading = False
        self._due = 0.0

    def look(self, wait_seconds: float = 0.0) -> LastReading[KeptValue]:
        """The last reading; begins a new one where that is due.

        Args:
            wait_seconds: how long to wait at most where nothing is known yet.
        """
        with self._changed:
            if not self._is_reading and time.monotonic() >= self._due:
                self._is_reading = True
                threading.Thread(target=self._take, name="reading", daemon=True).start()
            self._changed.wait_for(lambda: self._last.value is not None or not self._is_reading, wait_seconds)
            return self._last

    def forget(self) -> None:
        """Something has changed: whoever looks next begins a new reading, however new the last one is."""
        with self._changed:
            self._due = 0.0

    def _take(self) -> None:
        """One reading; one that fails leaves the last value."""
        began, as_of = time.monotonic(), to_micros(datetime.now(UTC))
        value, problem = None, None
        try:
            value = self._read()
        except (ConnectionError, StartRefused) as refusal:
            problem = str(refusal)
        except SQLAlchemyError as failure:
            _log.warning("not read", error=type(failure).__name__)
            problem = _DATABASE_AWAY
        except Exception:  # noqa: BLE001 - whatever it was, the page says that it failed
            _log.exception("not read")
            problem = _FAILED
        took = time.monotonic() - began
        with self._changed:
            if problem is None:
                self._last = LastReading(value, as_of, None)
            else:
                self._last = self._last._replace(problem=problem)
            self._due = began + took + max(self._fresh_seconds, self._rest * took)
            self._is_reading = False
            self._changed.notify_all()
