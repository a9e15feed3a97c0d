"""What pages ask real books and a real Kafka about what needs a person."""

from itertools import count

import pytest

from schemas.topics import DLQ_PARTITIONS, ORDERS
from services.runtime.database import engine
from services.runtime.deadletters import LetterLog, LogPosition, headers, letters_at
from services.runtime.publishing import Outgoing, publish
from services.settlement.books.line_lists import LineCondition, list_lines, page_of_lines
from services.settlement.books.lookups.waiting import (
    count_refused_payouts,
    months_without_statements,
    unfinished_runs,
    waiting_batches,
)
from tests.kit.books import Books
from tests.kit.parties_due import PartyDue, instruct, propose_for
from tests.kit.runs import apply, plan
from tests.kit.settled_book import FIRST, fill_before
from tests.kit.settlement_facts import Fact

OFFSETS = count(2 * 10**12)
"""Source offsets that no record of another test has."""


@pytest.fixture
def reader():
    made = engine("reader")
    with made.connect() as connection:
        yield connection
    made.dispose()


def bury(offset: int) -> LogPosition:
    """A dead letter as a worker writes it."""
    every = headers("unknown_order", f"detail of {offset}", ORDERS.name, 3, offset)
    publish([Outgoing(ORDERS.dlq, b"b_1", b'{"n": 1}', offset % DLQ_PARTITIONS, tuple(every))])
    return LogPosition(ORDERS.name, 3, offset)


@pytest.mark.usefixtures("on_stack")
def test_letters_are_read_on_from_where_the_last_reading_ended() -> None:
    first, second = next(OFFSETS), next(OFFSETS)
    log = LetterLog([ORDERS.dlq])
    source = bury(first)
    [found] = [one for one in log.read_on() if one.letter.source == source]
    assert letters_at([found.place]) == {found.place: found.letter}
    later = bury(second)
    [next_found] = log.read_on()
    assert next_found.letter.source == later
    assert list(log.read_on()) == []
    assert log.beginnings == 0
    both = {one.place: one.letter for one in (found, next_found)}
    assert letters_at([*both, found.place._replace(offset=10**9)]) == both


def test_lines_of_a_condition_are_read_by_key_to_the_last_one(books: Books, reader) -> None:
    books.assert_lines(*(Fact(order_id=f"o_{number}") for number in range(7)))
    every = list_lines(reader, LineCondition.UNPRICED, None).lines
    assert len(every) == 7
    pages, after = [], None
    while True:
        page = page_of_lines(reader, LineCondition.UNPRICED, after, 3)
        pages.append(len(page.rows))
        assert list(page.rows) == every[sum(pages[:-1]) : sum(pages)]
        after = page.next_key
        if after is None:
            break
    assert pages == [3, 3, 1]
    assert page_of_lines(reader, LineCondition.SECOND_OWNER, None, 3).rows == []


def test_a_run_and_payouts_wait_until_they_are_done(books: Books, reader) -> None:
    fill_before(books)
    run = plan(books, FIRST)
    assert [one.id for one in unfinished_runs(reader)] == [run.id]
    reader.rollback()
    apply(books, run)
    instruct(books, "p1", PartyDue("koc:k_1"))
    propose_for(books, "p2", [PartyDue("koc:k_2"), PartyDue("koc:k_3")])
    found = waiting_batches(reader)
    assert [(one.id, one.is_approved, one.payouts) for one in found] == [("p1", True, 1), ("p2", False, 2)]
    assert unfinished_runs(reader) == []
    assert (count_refused_payouts(reader), months_without_statements(reader)) == (0, [])
    reader.rollback()
    books.plant("UPDATE payout SET status = 'returned', refused = true WHERE batch = 'p1'")
    assert [one.id for one in waiting_batches(reader)] == ["p2"]
    assert count_refused_payouts(reader) == 1
