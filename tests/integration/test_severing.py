"""`koc privacy sever`: no table names the buyer any more, no amount changes, and what comes later finds its line."""

import json

from typer.testing import CliRunner

from services.cli.main import koc
from tests.kit.books import Books
from tests.kit.buyer_places import documented, tables_naming
from tests.kit.commands import freeze, given, refused, release
from tests.kit.severed_book import BUYER, RIVALS, assert_fact, check_books, fill, of_buyer


def test_no_row_names_a_severed_buyer_and_no_amount_changes(books: Books) -> None:
    fill(books)
    assert freeze(f"o_21/1/{BUYER}", "looks odd") is True
    release(f"o_21/1/{BUYER}")
    given("settlement", "rerate", f"o_21/1/{BUYER}")
    given("settlement", "rerate", "o_22")
    before = check_books()
    assert tables_naming(BUYER) == set(documented("table")), "docs/privacy.md names every table"
    trial = given("privacy", "sever", BUYER, "--dry-run")
    assert (trial["seq"], len(trial["result"]["lines"])) == (None, 4)
    assert "line" in tables_naming(BUYER)
    done = given("privacy", "sever", BUYER, "--id", "request-118")
    assert tables_naming(BUYER) == set()
    assert BUYER not in json.dumps(done)
    assert done["result"]["lines"] == [["o_20", "1", 1], ["o_21", "1", 0], ["o_22", "1", 0], ["o_6", "1", 0]]
    assert check_books() == before
    assert tables_naming(RIVALS[0]), "other buyers stay"


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
    assert tables_naming(BUYER) == {"assertion", "due", "journal", "line"}
    piped = CliRunner().invoke(koc, ["privacy", "sever", "-", "--reason", "by mail"], input=f"{BUYER}\n")
    assert "order lines that name the buyer no more: 1" in piped.output
    assert tables_naming(BUYER) == set()
    check_books()
