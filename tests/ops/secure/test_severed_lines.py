"""Severed lines: what comes later finds them, and what is changed in them shows."""

from collections.abc import Iterator

import pytest

from services.runtime.database import engine
from services.runtime.local.stack import Stack
from services.settlement.books.snapshot import snapshot
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.buyer_places import tables_naming
from tests.kit.commands import freeze, given, refused, told
from tests.kit.runs import plan
from tests.kit.settled_book import SECOND
from tests.kit.severed_book import BUYER, assert_fact, check_books, fill, live_on, of_buyer
from tests.kit.stacks import empty_database_on

LINES = "SELECT order_id, line_id, buyer_id, standing FROM line WHERE order_id IN ('o_6', 'o_20', 'o_21', 'o_22')"


@pytest.fixture
def books(empty_database: str) -> Iterator[Books]:
    del empty_database
    opened = Books()
    yield opened
    opened.close()


def test_what_comes_later_finds_the_severed_line_and_ends_as_if_nothing_was_cut(books: Books, on_stack: Stack) -> None:
    fill(books)
    live_on(books)
    with empty_database_on(on_stack):
        others = Books()
        fill(others)
        surrogate = given("privacy", "sever", BUYER)["result"]["surrogate"]
        live_on(others)
        assert others.net() == books.net()
        assert tables_naming(BUYER) == set()
        renamed = [(*row[:2], row[2].replace(BUYER, surrogate), row[3]) for row in books.rows(LINES)]
        assert sorted(others.rows(LINES)) == sorted(renamed)
        check_books()
        others.close()


def test_a_line_that_was_frozen_before_it_came_is_found_by_its_first_assertion(books: Books) -> None:
    fill(books)
    freeze(f"o_40/1/{BUYER}", "known to be wrong")
    given("privacy", "sever", BUYER)
    assert_fact(books, of_buyer(40))
    assert tables_naming(BUYER) == set()
    (quarantined,) = books.rows("SELECT quarantined, amounts FROM line WHERE order_id = 'o_40'")
    assert quarantined == ("known to be wrong", [])
    check_books()


def test_a_row_that_is_changed_after_the_cut_shows(books: Books) -> None:
    fill(books)
    given("privacy", "sever", BUYER)
    ((writer, seq),) = books.rows("SELECT writer, max(seq) FROM journal WHERE order_id = 'o_21' GROUP BY 1")
    books.plant(f"UPDATE journal SET cause = 'changed' WHERE writer = {writer} AND seq = {seq}")
    with snapshot(engine("reader")) as unchanging:
        assert [one.check for one in verify(unchanging).differences] == ["chain"]


def test_an_unfinished_run_is_finished_first(books: Books) -> None:
    fill(books)
    plan(books, SECOND, "run-2")
    status, sentence = refused("privacy", "sever", BUYER)
    assert (status, "`koc settlement run` finishes it first" in sentence) == (78, True)
    assert told("commands", "list")
