"""Freezing a line by hand, whatever the books know of it and whoever is at work on it."""

import threading

import psycopg
import pytest

from schemas.partitioning import partition_of
from services.kernel.errors import StartRefused
from services.runtime.database import engine, psycopg_dsn
from services.settlement.books.snapshot import snapshot
from services.settlement.posting.quarantine import freeze
from services.settlement.verify.verify import verify
from tests.kit.books import PLAN, RELATION, Books
from tests.kit.poster_process import wait_until
from tests.kit.settlement_book import order

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def test_a_line_that_the_books_have_never_seen_can_be_frozen_and_books_nothing_when_it_comes(books: Books) -> None:
    books.register(PLAN, RELATION)
    fact = order(1, buyer_id="b_frozen")
    assert not freeze("o_1/1/b_frozen", "a test")
    assert freeze("o_1/1/b_frozen", "again")
    partition = partition_of(b"b_frozen", 12)
    books.assert_lines(fact, order(2, buyer_id="b_frozen"), partition=partition)
    assert books.rows("SELECT order_id, brand_id, currency, quarantined FROM line ORDER BY order_id") == [
        ("o_1", "br_2", "CNY", "again"), ("o_2", "br_2", "CNY", None),
    ]  # fmt: skip
    assert books.rows("SELECT DISTINCT order_id FROM journal WHERE order_id IS NOT NULL") == [("o_2",)]
    with snapshot(engine("reader")) as unchanging:
        assert verify(unchanging).differences == []


@pytest.mark.parametrize("name", ["o_1", "o_1/1", "o_1/1/b/x", "o_1//b", "o 1/1/b"])
def test_what_names_no_line_is_refused_in_a_sentence(books: Books, name: str) -> None:
    del books
    with pytest.raises(StartRefused, match="names no line: LINE is ORDER/LINE/BUYER"):
        freeze(name, "a test")


def test_a_freeze_waits_for_the_batch_under_way_and_is_not_lost(books: Books) -> None:
    books.register(PLAN, RELATION)
    books.assert_lines(order(1, buyer_id="b_frozen"), partition=(partition := partition_of(b"b_frozen", 12)))
    with psycopg.connect(psycopg_dsn("writer")) as batch:
        batch.execute("SELECT FROM writer WHERE partition = %s FOR UPDATE", (partition,))
        freezing = threading.Thread(target=freeze, args=("o_1/1/b_frozen", "a test"))
        freezing.start()
        wait_until(lambda: books.rows(WAITING) != [(0,)], "the freeze waits for the batch")
        batch.execute("UPDATE line SET quarantined = NULL")  # a batch writes the whole line as it read it
    freezing.join()
    assert books.rows("SELECT quarantined FROM line") == [("a test",)]
