"""The reports of a console: computed one at a time when somebody asks, and kept as of their moment."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from services.console.jobs import Job, Jobs, TellProgress
from services.console.reports.compute import StoredReport, compute_report
from services.console.reports.question import ReportQuestion
from services.kernel.errors import InputRefused

KIND = "report"
"""Of jobs."""

MOST_REPORTS = 20
MOST_ROWS = 300_000
"""Of all reports that are kept; about 500 bytes each."""

ComputeReport = Callable[[ReportQuestion, TellProgress], StoredReport]


class AskedReport(NamedTuple):
    """What there is of a report.

    Attributes:
        stored: the newest; None = it was never computed, or is forgotten.
        job: that computes it, or has failed lately; None = another report is being computed first, or nobody asked for
            a newer one.
    """

    stored: StoredReport | None
    job: Job | None

    @property
    def is_under_way(self) -> bool:
        """Whether a newer one comes without anybody's doing."""
        return self.job.is_at_work if self.job else self.stored is None


class ReportLibrary:
    """Reports in this process's memory.

    Args:
        compute: makes a report.
    """

    def __init__(self, compute: ComputeReport = compute_report) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._kept: OrderedDict[ReportQuestion, StoredReport] = OrderedDict()

    def ask(self, jobs: Jobs, question: ReportQuestion, *, is_anew: bool = False) -> AskedReport:
        """The report as far as there is one; begins to compute it where there is none.

        Args:
            jobs: of the console.
            question: what the report is about.
            is_anew: compute it even where there is one.
        """
        job = _of_interest(jobs, jobs.find(KIND, question.text))
        with self._lock:
            stored = self._kept.get(question)
            if stored is not None:
                self._kept.move_to_end(question)
        if is_anew or (stored is None and job is None):
            job = _of_interest(jobs, self.begin(jobs, question))
        return AskedReport(stored, job)

    def keep(self, stored: StoredReport) -> None:
        """Keep a report instead of an older one; those that were not asked for longest make room."""
        with self._lock:
            self._kept[stored.question] = stored
            self._kept.move_to_end(stored.question)
            while len(self._kept) > 1 and (len(self._kept) > MOST_REPORTS or self._rows() > MOST_ROWS):
                self._kept.popitem(last=False)

    def _rows(self) -> int:
        return sum(len(one.report.rows) for one in self._kept.values())

    def begin(self, jobs: Jobs, question: ReportQuestion) -> Job | None:
        """Begin to compute a report; None where it has to wait for others."""

        def work(say: TellProgress) -> None:
            self.keep(self._compute(question, say))

        try:
            return jobs.start(KIND, question.text, None, work)
        except InputRefused:
            return None


def _of_interest(jobs: Jobs, job: Job | None) -> Job | None:
    """A job that is at work, or has failed lately."""
    return job if job is not None and (job.is_at_work or jobs.has_failed_lately(job)) else None
