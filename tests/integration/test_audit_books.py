"""The audit of what books in PostgreSQL publish: runs, commands, payouts, closed months and their statements."""

from collections.abc import Iterator

import pytest

from services.operations.audit.audit import audit
from tests.kit.book_driver import ZONE_MINUTES
from tests.kit.lived_books import close_months, live, pay
from tests.kit.recorded_books import RecordedBooks


@pytest.fixture
def books(empty_database: str) -> Iterator[RecordedBooks]:
    del empty_database
    opened = RecordedBooks()
    yield opened
    opened.close()


def test_books_with_payouts_and_closed_months_audit_clean(books: RecordedBooks) -> None:
    live(books)
    pay(books)
    close_months(books)
    report = audit(books.topics(), ZONE_MINUTES, lambda _line: None)
    assert (report.differences, report.notes) == ([], [])
    counted = {name: report.checked[name] for name in ("runs", "payout batches", "closes")}
    assert counted == {"runs": 4, "payout batches": 4, "closes": 3}
    assert report.checked["payout sets"] > 0
    assert report.checked["statements"] > 0
