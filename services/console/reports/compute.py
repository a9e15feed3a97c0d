"""A report computed in a process of its own: it takes minutes on large books, and pages must stay quick meanwhile."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import NamedTuple

from services.console.readiness import DATABASE_AWAY
from services.console.reports.question import ReportQuestion
from services.kernel.errors import StartRefused
from services.kernel.sentences import Sentence
from services.kernel.time import to_micros
from services.runtime.settings import settings
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.reader import books_reader
from services.settlement.books.report_port import ProductName, ReportBooks
from services.settlement.books.report_snapshot import report_snapshot
from services.settlement.books.run_ports import FeeBooked
from services.settlement.domain.lines.assertions import AssertedCredit
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.reporting.figures import SortFigure
from services.settlement.domain.reporting.grouping import RegisteredContent, Selection
from services.settlement.domain.reporting.line_shares import SoldLine
from services.settlement.reports.sales_forms import sorted_rows
from services.settlement.reports.sales_report import SalesReport, SalesRow, sales_report

_SAID_EVERY = 5_000
"""Lines."""

_NICE = 10
"""The process gives way to whoever else wants the processor."""


@dataclass(frozen=True)
class StoredReport:
    """A report as of a moment.

    Attributes:
        as_of: the moment of the books, microseconds.
        seconds: how long it took.
        credited: what credits say of contents; a brand only where all lines of a content are of one.
    """

    question: ReportQuestion
    report: SalesReport
    as_of: int
    seconds: float
    credited: Mapping[str, RegisteredContent]
    _ranked: dict[SortFigure, list[SalesRow]] = field(default_factory=dict, repr=False)

    def ranked(self, figure: SortFigure) -> list[SalesRow]:
        """All rows by currency, the greatest first; sorted when somebody asks for it first."""
        if figure not in self._ranked:
            self._ranked[figure] = sorted_rows(self.report, figure, None)
        return self._ranked[figure]

    def content(self, content_id: str | None) -> RegisteredContent:
        """What the registry says of a content, else what its credits say."""
        registered = self.report.grouping.content(content_id)
        return registered if registered.koc_id is not None else self.credited.get(content_id or "", registered)


class _Refusal(NamedTuple):
    """Why the process has no report: a sentence, and whether the books did not answer."""

    text: str
    is_away: bool


def compute_report(question: ReportQuestion, say: Callable[[str], None]) -> StoredReport:
    """The report, read by a process that ends with it.

    Args:
        question: what it is about.
        say: told how many lines are read.

    Raises:
        StartRefused: the books cannot be read.
        ConnectionError: the database does not answer.
        RuntimeError: the process failed, or was killed; what it wrote to standard error says why.
    """
    context = multiprocessing.get_context("spawn")
    answers, questions = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(questions, question), name="report", daemon=True)
    child.start()
    questions.close()
    try:
        while True:
            answer = answers.recv()
            if isinstance(answer, StoredReport):
                return answer
            if isinstance(answer, _Refusal):
                raise ConnectionError(answer.text) if answer.is_away else StartRefused(answer.text)
            say(Sentence("{lines:,} order lines read", lines=answer))
    except EOFError:
        raise RuntimeError("the process that computes reports ended without one") from None
    finally:
        answers.close()
        child.join()


def _answer(answers: Connection, question: ReportQuestion) -> None:
    """The process: it says how many lines are read, then the report."""
    os.nice(_NICE)
    began, as_of = time.monotonic(), to_micros(datetime.now(UTC))
    try:
        with books_reader(options="-c statement_timeout=0") as reader, report_snapshot(reader) as books:
            stored = books.zone_minutes()
            zone_minutes = settings().settlement_zone_minutes if stored is None else stored
            watched = _WatchedBooks(books, answers.send)
            report = sales_report(watched, question.by, question.selection(zone_minutes))
    except StartRefused as problem:
        answers.send(_Refusal(str(problem), is_away=False))
    except DATABASE_AWAY as problem:
        answers.send(_Refusal(f"the database does not answer: {type(problem).__name__}", is_away=True))
    else:
        answers.send(StoredReport(question, report, as_of, time.monotonic() - began, watched.credited))


class _WatchedBooks:
    """Books that say how many lines have been read of them, and remember whose contents were credited."""

    def __init__(self, books: ReportBooks, say: Callable[[int], None]) -> None:
        self._books, self._say = books, say
        self.credited: dict[str, RegisteredContent] = {}

    def sold_lines(self, selection: Selection) -> Iterator[SoldLine]:
        """The lines as they come."""
        for number, line in enumerate(self._books.sold_lines(selection), 1):
            if number % _SAID_EVERY == 0:
                self._say(number)
            for credit in line.assertion.credits:
                self._remember(credit, line.brand_id)
            yield line

    def _remember(self, credit: AssertedCredit, brand_id: str) -> None:
        before = self.credited.get(credit.content_id)
        is_of_brand = before is None or before.brand_id == brand_id
        if before is None or not is_of_brand:
            brand = brand_id if is_of_brand else None
            self.credited[credit.content_id] = RegisteredContent(credit.koc_id, brand_id=brand)

    def first_sales(self) -> Mapping[ProductName, int]:
        """Those of the books."""
        return self._books.first_sales()

    def reference(self) -> Reference:
        """That of the books."""
        return self._books.reference()

    def facts(self, kind: str) -> dict[str, ReferenceEvent]:
        """Those of the books."""
        return self._books.facts(kind)

    def script_fees(self) -> Iterable[FeeBooked]:
        """Those of the books."""
        return self._books.script_fees()
