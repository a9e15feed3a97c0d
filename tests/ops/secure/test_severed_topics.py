"""Topics and a severed buyer: audit and rebuild agree, whether entries were published before the cut or after it."""

import json
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from schemas.topics import COMMANDS, LEDGER
from services.operations.audit.audit import audit
from services.operations.audit.report import AuditReport
from services.operations.rebuild.rebuild import rebuild
from services.operations.rebuild.report import RebuildReport
from services.runtime.database import engine
from tests.kit.audit_world import MemoryTopics
from tests.kit.book_driver import ZONE_MINUTES
from tests.kit.commands import freeze, given, release
from tests.kit.recorded_books import RecordedBooks
from tests.kit.runs import settle
from tests.kit.settled_book import SECOND
from tests.kit.settlement_facts import DAY
from tests.kit.severed_book import BUYER, assert_fact, fill, live_on, of_buyer


@pytest.fixture
def books(empty_database: str) -> Iterator[RecordedBooks]:
    del empty_database
    opened = RecordedBooks()
    yield opened
    opened.close()


def name_lines() -> None:
    """Commands that name lines of the buyer, one of them still to come."""
    freeze(f"o_21/1/{BUYER}", "looks odd")
    release(f"o_21/1/{BUYER}")
    freeze(f"o_40/1/{BUYER}", "known to be wrong")


def live(books: RecordedBooks) -> None:
    """Cut, then go on: refunds, a line that was still to come, a buyer who comes back as a new customer, a run."""
    given("privacy", "sever", BUYER, "--id", "request-118")
    live_on(books)
    assert_fact(books, of_buyer(40), of_buyer(45, new_customer=True, received_at=SECOND))
    settle(books, SECOND + 20 * DAY, "run-3")


def audited(topics: MemoryTopics) -> AuditReport:
    return audit(topics, ZONE_MINUTES, lambda _line: None)


def rebuilt(topics: MemoryTopics) -> RebuildReport:
    return rebuild(engine("reader"), lambda: nullcontext(topics), None, lambda _line: None, is_kept=False)


def test_audit_and_rebuild_agree_where_the_topics_have_the_buyer_and_the_books_do_not(books: RecordedBooks) -> None:
    fill(books)
    name_lines()
    books.relay()
    live(books)
    topics = books.topics()
    assert any(BUYER.encode() in raw for raw in topics.logs[COMMANDS.name, 0]), "published before the cut"
    report = audited(topics)
    assert (report.differences, report.notes) == ([], [])
    assert report.checked["runs"] == 3
    made = rebuilt(topics)
    assert (made.differences, made.notes) == ([], [])
    assert made.digests is not None
    assert made.digests[0] == made.digests[1]


def test_topics_that_are_published_again_name_the_buyer_no_more_and_audit_clean(books: RecordedBooks) -> None:
    fill(books)
    name_lines()
    live(books)
    assert_fact(books, of_buyer(46))
    given("privacy", "sever", BUYER, "--id", "request-119")
    topics = books.topics()
    relayed = [place for place in topics.logs if place[0] in (COMMANDS.name, LEDGER.name)]
    assert not any(BUYER.encode() in raw for place in relayed for raw in topics.logs[place])
    report = audited(topics)
    assert (report.differences, report.notes) == ([], [])
    made = rebuilt(topics)
    assert (made.differences, made.notes) == ([], [])


def test_a_record_that_was_changed_after_the_cut_is_a_difference(books: RecordedBooks) -> None:
    fill(books)
    name_lines()
    given("privacy", "sever", BUYER)
    topics = books.topics()
    severed = [
        (place, index)
        for place, log in topics.logs.items()
        for index, raw in enumerate(log)
        if place[0] in (COMMANDS.name, LEDGER.name) and b"severed-" in raw and b"buyer.severed" not in raw
    ]
    assert {topic for (topic, _), _ in severed} == {COMMANDS.name, LEDGER.name}
    for place, index in severed:
        said = json.loads(topics.logs[place][index])
        said["cause" if "cause" in said else "reason"] = "changed"
        topics.logs[place][index] = json.dumps(said).encode()
    assert [one.check for one in audited(topics).differences].count("ledger chain") == len(severed) - 3
    assert [one.check for one in audited(topics).differences].count("command chain") == 3
