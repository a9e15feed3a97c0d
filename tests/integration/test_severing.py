"""`koc privacy sever`: no table names the buyer any more, no amount changes, and what comes later finds its line."""

import json

from typer.testing import CliRunner

from services.cli.main import koc
from services.runtime.database import engine
from services.runtime.local.stack import Stack
from services.settlement.books.snapshot import snapshot
from services.settlement.export.digest import digest
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.commands import freeze, given, refused, release, told
from tests.kit.runs import plan
from tests.kit.settled_book import SECOND
from tests.kit.severed_book import BUYER, RIVALS, assert_fact, fill, live_on, of_buyer
from tests.kit.stacks import empty_database_on

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
LINES = "SELECT order_id, line_id, buyer_id, standing FROM line WHERE order_id IN ('o_6', 'o_20', 'o_21', 'o_22')"


def check_books() -> str:
    """The books verify; their digest."""
    with snapshot(engine("reader")) as unchanging:
        assert verify(unchanging).differences == []
    with snapshot(engine("reader")) as unchanging:
        return digest(unchanging.net_positions()).sha256


def naming(books: Books, buyer_id: str) -> list[str]:
    """Tables of which a row names a buyer, in text or in bytes."""
    words = f"(strpos(row::text, '{buyer_id}') > 0 OR strpos(row::text, encode('{buyer_id}', 'hex')) > 0)"
    tables = [name for (name,) in books.rows(TABLES)]
    return sorted(name for name in tables if books.rows(f"SELECT 1 FROM {name} row WHERE {words} LIMIT 1"))


def test_no_row_names_a_severed_buyer_and_no_amount_changes(books: Books) -> None:
    fill(books)
    assert freeze(f"o_21/1/{BUYER}", "looks odd") is True
    release(f"o_21/1/{BUYER}")
    given("settlement", "rerate", f"o_21/1/{BUYER}")
    given("settlement", "rerate", "o_22")
    before = check_books()
    assert naming(books, BUYER) == [
        "assertion", "bonus_slot", "budget_line", "command", "due", "journal", "line", "payout", "reprice_progress",
        "run_line", "run_progress",
    ]  # fmt: skip
    trial = given("privacy", "sever", BUYER, "--dry-run")
    assert (trial["seq"], len(trial["result"]["lines"])) == (None, 4)
    assert "line" in naming(books, BUYER)
    done = given("privacy", "sever", BUYER, "--id", "request-118")
    assert naming(books, BUYER) == []
    assert BUYER not in json.dumps(done)
    assert done["result"]["lines"] == [["o_20", "1", 1], ["o_21", "1", 0], ["o_22", "1", 0], ["o_6", "1", 0]]
    assert check_books() == before
    assert naming(books, RIVALS[0]), "other buyers stay"


def test_what_comes_later_finds_the_severed_line_and_ends_as_if_nothing_was_cut(books: Books, on_stack: Stack) -> None:
    fill(books)
    live_on(books)
    with empty_database_on(on_stack):
        others = Books()
        fill(others)
        surrogate = given("privacy", "sever", BUYER)["result"]["surrogate"]
        live_on(others)
        assert others.net() == books.net()
        assert naming(others, BUYER) == []
        renamed = [(*row[:2], row[2].replace(BUYER, surrogate), row[3]) for row in books.rows(LINES)]
        assert sorted(others.rows(LINES)) == sorted(renamed)
        check_books()
        others.close()


def test_the_same_again_is_done_once_and_the_id_serves_no_second_buyer(books: Books) -> None:
    fill(books)
    first = given("privacy", "sever", BUYER, "--id", "request-118")
    assert given("privacy", "sever", BUYER, "--id", "request-118") == {**first, "is_new": False}
    status, sentence = refused("privacy", "sever", "b_3", "--id", "request-118")
    assert (status, sentence.startswith("the id request-118 belongs to command 3")) == (65, True)
    assert refused("privacy", "sever", BUYER) == (65, "the books have no line of this buyer: nothing was done")
    status, sentence = refused("privacy", "sever", "a test")
    assert (status, sentence.startswith("this is no buyer's id")) == (65, True)
    status, sentence = refused("privacy", "sever", "test")
    assert sentence == "the reason and the id of the command must not name the buyer: they are published"
    # a buyer who comes back is a buyer like any other
    assert_fact(books, of_buyer(30))
    assert naming(books, BUYER) == ["assertion", "due", "journal", "line"]
    piped = CliRunner().invoke(koc, ["privacy", "sever", "-", "--reason", "by mail"], input=f"{BUYER}\n")
    assert "order lines that name the buyer no more: 1" in piped.output
    assert naming(books, BUYER) == []
    check_books()


def test_a_line_that_was_frozen_before_it_came_is_found_by_its_first_assertion(books: Books) -> None:
    fill(books)
    freeze(f"o_40/1/{BUYER}", "known to be wrong")
    given("privacy", "sever", BUYER)
    assert_fact(books, of_buyer(40))
    assert naming(books, BUYER) == []
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
