"""Long work of a console: a thread each, at most one of a kind at a time; pages show how far it is and what came of it.

Jobs live in this process's memory: one that it was ended in has done nothing by halves, for the books' transactions do
not.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from services.console.readiness import DATABASE_AWAY
from services.kernel.errors import InputRefused, Stalled, StartRefused
from services.kernel.sentences import sentence_of
from services.kernel.time import SECOND, to_micros

MOST_KEPT = 30
"""Jobs that have ended are forgotten above that, the oldest first."""

MOST_AT_WORK = 4
FAILED_SECONDS = 60
"""So long a failure counts; whoever asks later has the work tried again."""

_MOST_LINES = 20
_UNAVAILABLE = "The database or Kafka does not answer. Try again in a moment."
_FAILED = "This failed. The log of the console says why."
_log = structlog.get_logger("console")

TellProgress = Callable[[str], None]
"""Told what is being done, a line whenever that changes."""

JobWork = Callable[[TellProgress], Any]
"""Does it, and returns its result; may refuse by an error with a sentence."""


@dataclass(eq=False)
class Job:
    """A piece of long work. Times are microseconds.

    Attributes:
        kind: jobs of one kind come one after the other.
        key: what is done; unique in its kind.
        by: who asked for it; None = nobody had signed in.
        lines: the last that it has said.
        ended_at: None = it is at work.
        result: what the work gave; None before it has ended, and where it failed.
        problem: a sentence why it failed; None = it did not.
    """

    kind: str
    key: str
    by: str | None
    began_at: int
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))
    ended_at: int | None = None
    result: Any = None
    problem: str | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None


class Jobs:
    """All jobs of a console.

    Args:
        clock: now, microseconds.
    """

    def __init__(self, clock: Callable[[], int] = lambda: to_micros(datetime.now(UTC))) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: OrderedDict[tuple[str, str], Job] = OrderedDict()

    def start(self, kind: str, key: str, by: str | None, work: JobWork) -> Job:
        """Begin a job; one of this kind and key that is at work goes on, and one that has ended is done anew.

        Raises:
            InputRefused: another one of its kind is at work, or too many of all kinds are.
        """
        with self._lock:
            known = self._jobs.get((kind, key))
            if known is not None and known.is_at_work:
                return known
            self._make_room(kind)
            job = Job(kind, key, by, self._clock())
            self._jobs[kind, key] = job
            self._jobs.move_to_end((kind, key))
        # a daemon: a console that is told to end does not wait for it
        threading.Thread(target=self._carry_out, args=(job, work), name=f"job {kind}", daemon=True).start()
        return job

    def find(self, kind: str, key: str) -> Job | None:
        """The job of this name, at work or ended."""
        with self._lock:
            return self._jobs.get((kind, key))

    def has_failed_lately(self, job: Job) -> bool:
        """Whether the job failed less than FAILED_SECONDS ago."""
        ended = job.ended_at
        return job.problem is not None and ended is not None and self._clock() - ended < FAILED_SECONDS * SECOND

    def of_kind(self, kind: str) -> Sequence[Job]:
        """All that are known of a kind, the newest first."""
        with self._lock:
            return [job for job in reversed(self._jobs.values()) if job.kind == kind]

    def _make_room(self, kind: str) -> None:
        at_work = [job for job in self._jobs.values() if job.is_at_work]
        if any(job.kind == kind for job in at_work):
            raise InputRefused("one like this is at work: wait for it to end")
        if len(at_work) >= MOST_AT_WORK:
            raise InputRefused("the console has much to do: wait for some of it to end")
        ended = [name for name, job in self._jobs.items() if not job.is_at_work]
        for name in ended[: max(0, len(self._jobs) + 1 - MOST_KEPT)]:
            del self._jobs[name]

    def _carry_out(self, job: Job, work: JobWork) -> None:
        try:
            job.result = work(job.lines.append)
        except (InputRefused, StartRefused, Stalled) as problem:
            job.problem = sentence_of(problem)
        except DATABASE_AWAY as problem:
            _log.warning("unavailable", job=job.kind, error=type(problem).__name__)
            job.problem = _UNAVAILABLE
        except Exception:  # noqa: BLE001 - whatever it was, the page says that it failed
            _log.exception("job failed", job=job.kind)
            job.problem = _FAILED
        finally:
            job.ended_at = self._clock()
