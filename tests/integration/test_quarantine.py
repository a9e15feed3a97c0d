"""Freezing a line and letting it go, whatever the books know of it and whoever is at work on it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from schemas.partitioning import partition_of
from services.kernel.errors import InputRefused
from services.runtime.database import engine
from services.settlement.books.posting_transaction import PostingTransaction
from services.settlement.books.snapshot import snapshot
from services.settlement.domain.lines.line import Line
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.commands import freeze, release
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.settlement_book import order
from tests.kit.settlement_facts import DAY, PAID_AT
from tests.kit.waiting import until

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
STANDING = "SELECT buyer_id FROM line WHERE standing"


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
    with pytest.raises(InputRefused, match="names no line: LINE is ORDER/LINE/BUYER"):
        freeze(name, "a test")


def bare_update() -> None:
    """What an operator with a database client would do."""
    with engine("operator").begin() as connection:
        connection.execute(text("UPDATE line SET quarantined = 'a test' WHERE order_id = 'o_1'"))


def freeze_by_command() -> None:
    freeze("o_1/1/b_frozen", "a test")


@pytest.mark.parametrize(("how", "stands"), [(bare_update, None), (freeze_by_command, "a test")])
def test_a_bare_update_is_lost_under_a_batch_and_the_command_is_not(
    books: Books, monkeypatch: pytest.MonkeyPatch, how: Callable[[], None], stands: str | None
) -> None:
    """A batch has read the line and not yet written it when somebody freezes it."""
    books.register(PLAN, RELATION)
    partition, fact = partition_of(b"b_frozen", 12), order(1, buyer_id="b_frozen")
    books.assert_lines(fact, partition=partition)
    freezing = threading.Thread(target=how)
    read_lines = PostingTransaction.read_lines

    def read_then_frozen(transaction: PostingTransaction, order_lines: Any) -> list[Line]:
        found = read_lines(transaction, order_lines)
        if not freezing.ident:
            freezing.start()
            until(
                lambda: not freezing.is_alive() or books.rows(WAITING) != [(0,)], "it is done, or waits for the batch"
            )
        return found

    monkeypatch.setattr(PostingTransaction, "read_lines", read_then_frozen)
    books.assert_lines(fact.refunded(5_000), partition=partition)
    freezing.join()
    assert books.rows("SELECT quarantined FROM line") == [(stands,)]


def test_a_released_line_books_what_came_while_it_was_frozen(books: Books) -> None:
    books.register(PLAN, RELATION)
    partition, fact = partition_of(b"b_frozen", 12), order(1, buyer_id="b_frozen")
    books.assert_lines(fact, order(2, buyer_id="b_frozen"), partition=partition)
    freeze("o_1/1/b_frozen", "a test")
    refunded = fact.refunded(5_000)
    books.assert_lines(refunded, partition=partition)
    entries = books.rows("SELECT count(*) FROM journal")
    assert len(release("o_1/1/b_frozen")) == 1
    ((key, cause, corrects),) = books.rows(
        "SELECT idem_key, cause, corrects FROM journal ORDER BY recorded_at DESC LIMIT 1"
    )
    assert key.startswith("command|line-released-")
    assert key.split("|")[2:] == ["o_1/1/b_frozen", "1"]
    assert (cause, corrects) == ("order event o1_ref", f"{partition}-1")
    assert books.rows("SELECT count(*) FROM journal") == [(entries[0][0] + 1,)]
    books.assert_lines(refunded, partition=partition)
    assert books.rows("SELECT count(*) FROM journal") == [(entries[0][0] + 1,)], "the same again books nothing"
    check_books()


def test_a_released_line_takes_the_time_of_payment_that_froze_it(books: Books) -> None:
    books.register(PLAN, RELATION)
    partition = partition_of(b"b_frozen", 12)
    fact = order(1, buyer_id="b_frozen")
    books.assert_lines(fact, partition=partition)
    other = fact.refunded(5_000).but(paid_at=PAID_AT + DAY)
    books.assert_lines(other, partition=partition)
    assert books.rows("SELECT quarantined FROM line") == [("asserted later with another paid_at",)]
    release("o_1/1/b_frozen")
    books.assert_lines(other.refunded(10), partition=partition)
    assert books.rows("SELECT quarantined FROM line") == [(None,)]
    check_books()


def test_a_line_that_kept_its_place_by_being_frozen_gives_it_to_its_owner_when_released(books: Books) -> None:
    books.register(PLAN, RELATION)
    late, early = order(1, buyer_id="b_late"), order(1, buyer_id="b_early", paid_at=PAID_AT - DAY)
    places = partition_of(b"b_late", 12), partition_of(b"b_early", 12)
    books.assert_lines(late, partition=places[0])
    freeze("o_1/1/b_late", "a test")
    books.assert_lines(early, partition=places[1])
    assert books.rows(STANDING) == [("b_late",)]
    assert len(release("o_1/1/b_late")) == 2
    assert books.rows(STANDING) == [("b_early",)]
    check_books()


def test_what_is_not_frozen_or_has_not_come_is_not_released(books: Books) -> None:
    books.register(PLAN, RELATION)
    books.assert_lines(order(1, buyer_id="b_1"), partition=partition_of(b"b_1", 12))
    freeze("o_2/1/b_1", "a test")
    with pytest.raises(InputRefused, match="o_1/1/b_1 is not frozen: `koc ledger lines --quarantined`"):
        release("o_1/1/b_1")
    with pytest.raises(InputRefused, match="o_2/1/b_1 has not come yet"):
        release("o_2/1/b_1")
    assert books.rows("SELECT kind FROM command") == [("line.quarantined",)]


def check_books() -> None:
    with snapshot(engine("reader")) as unchanging:
        assert verify(unchanging).differences == []
