"""`koc settlement rerate`: newer terms for settled lines, in PostgreSQL; after each step the books verify."""

from typing import Any

import psycopg
import pytest

from services.runtime.database import engine, psycopg_dsn
from services.settlement.books.snapshot import snapshot
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.commands import freeze, given, refused, told
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.runs import apply, plan, settle
from tests.kit.settled_book import BUDGET, FIRST, HOUSE, RELEASED, SECOND, TIERED, fill_before, fill_settled
from tests.kit.settlement_facts import DAY, Fact

HALVED: dict[str, Any] = PLAN | {"event_id": "n1", "version": 2, "rate_ppm": 100_000}
DOUBLED: dict[str, Any] = TIERED | {"event_id": "n1", "version": 2, "rate_ppm": 400_000, "tiers": []}
VAT: dict[str, Any] = HOUSE | {"reserve_ppm": 0}
NO_VAT: dict[str, Any] = VAT | {"event_id": "n2", "vat_ppm": {}}
BALANCES = "SELECT key, amount_minor FROM account JOIN balance ON id = account_id WHERE amount_minor <> 0"
O_9 = "SELECT grants, terms.as_of FROM line JOIN terms ON terms.id = line.terms WHERE order_id = 'o_9'"
COMMITTED = "SELECT amount_minor FROM account JOIN balance ON id = account_id WHERE key = 'budget:c_1:committed'"
TAKEN_BY_O_9 = "SELECT charged_minor FROM budget_line WHERE order_id = 'o_9'"


def check_books() -> None:
    with snapshot(engine("reader")) as unchanging:
        assert verify(unchanging).differences == []


def sold(books: Books) -> None:
    """200.00 of an order that two buyers have lines of: the first line is received, the other not yet."""
    books.register(PLAN, RELATION, VAT)
    second = Fact(line_id="2", buyer_id="b_2", source_partition=4)
    books.assert_lines(Fact(received_at=FIRST - 15 * DAY, status="received"))
    books.assert_lines(second, partition=4)


def test_a_lower_rate_is_claimed_back_and_settled_money_stays(books: Books) -> None:
    sold(books)
    settle(books, FIRST)
    before = dict(books.rows(BALANCES))
    books.register(HALVED, NO_VAT)
    check_books()
    assert dict(books.rows(BALANCES))["koc:k_7:payable"] == before["koc:k_7:payable"] == -2_520
    said = told("settlement", "rerate", "o_1", "--reason", "wrong rate", "--dry-run")
    assert said == "this would be done: settled lines priced by the registry of now: 1, left out: 1\n"
    assert len(books.rows("SELECT id FROM terms")) == 1
    done = given("settlement", "rerate", "o_1", "--id", "halved")
    assert done["result"] == {"entries": ["3-3", "3-4"], "rerated": 1, "left_out": 1}
    after = dict(books.rows(BALANCES))
    assert (after["koc:k_7:payable"], after["clawback:koc:k_7"]) == (-2_520, 1_260)
    assert (before["platform:fee"], before["vat:output"]) == (-377, -23)
    assert (after["platform:fee"], after.get("vat:output", 0)) == (-200, 0)
    rows = "SELECT idem_key, kind, cause, corrects FROM journal WHERE writer = 3 AND seq > 2 ORDER BY seq"
    assert books.rows(rows) == [
        ("command|halved|o_1/1/b_1|c", 6, "command halved", "3-1"),
        ("command|halved|o_1/1/b_1|vat", 2, "command halved", "3-1"),
    ]
    check_books()
    assert given("settlement", "rerate", "o_1", "--id", "halved")["is_new"] is False
    assert dict(books.rows(BALANCES)) == after
    settle(books, SECOND, "run-2")
    check_books()


def test_a_higher_rate_waits_for_the_next_run_which_decides_the_grants_anew(books: Books) -> None:
    fill_settled(books)
    released = RELEASED | {"event_id": "n4", "hold_id": "h_2"}
    books.register(DOUBLED, released, BUDGET | {"event_id": "n3", "amount_minor": 90_000})
    ((granted, first_terms),) = books.rows(O_9)
    ((committed,),) = books.rows(COMMITTED)
    assert (list(granted["credits"]), granted["bonus"]) == (["v_1|k_0|c_1|natural"], 500)
    given("settlement", "rerate", "o_9/1/b_9")
    ((cleared, terms),) = books.rows(O_9)
    assert (cleared, terms > first_terms) == ({"credits": {}, "bonus": 500}, True)
    assert books.rows(COMMITTED) == [(committed,)]
    check_books()
    ((before,),) = books.rows(TAKEN_BY_O_9)
    settle(books, SECOND + DAY, "run-3")
    ((anew, kept),) = books.rows(O_9)
    commission = 13_330 * 400_000 // 1_000_000
    assert (anew, kept) == ({"credits": {"v_1|k_0|c_1|natural": [13_330, commission, 1, 1]}, "bonus": 500}, terms)
    ((taken,),) = books.rows(TAKEN_BY_O_9)
    assert taken > before
    assert books.rows(COMMITTED) == [(committed + taken - before,)]
    check_books()


def test_a_scope_without_a_settled_line_is_refused(books: Books) -> None:
    sold(books)
    words = ("settlement", "rerate")
    unsettled = "no run has settled any line of o_1: such lines follow the registry by themselves"
    unknown = "the books know no line of o_1/9/b_1: SCOPE is ORDER/LINE/BUYER or an order's id"
    assert refused(*words, "o_1") == (65, unsettled)
    assert refused(*words, "o_1/9/b_1") == (65, unknown)
    assert refused(*words, "o_1/1")[0] == refused(*words, "o 1")[0] == 65
    assert books.rows("SELECT seq FROM command") == []


def test_a_frozen_line_an_unfinished_run_and_a_taken_lock_refuse_it(books: Books) -> None:
    fill_before(books)
    settle(books, FIRST)
    words = ("settlement", "rerate", "o_1")
    freeze("o_2/1/b_2", "a test")
    frozen = "o_2/1/b_2 is frozen: let it go first, with `koc settlement release`"
    assert refused("settlement", "rerate", "o_2") == (65, frozen)
    run = plan(books, SECOND, "run-2")
    halfway = "run run-2 is not applied to its end: `koc settlement run` finishes it first"
    assert refused(*words) == (78, halfway)
    apply(books, run)
    with psycopg.connect(psycopg_dsn("operator"), autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(4715012)")
        assert refused(*words)[0] == 78
    given(*words)
    check_books()


@pytest.mark.parametrize("damage", ["terms = (SELECT min(id) FROM terms)", 'grants = \'{"credits": {}, "bonus": 7}\''])
def test_verify_finds_other_terms_and_grants_than_the_re_rate_left(books: Books, damage: str) -> None:
    sold(books)
    settle(books, FIRST)
    given("settlement", "rerate", "o_1/1/b_1")
    check_books()
    books.plant(f"UPDATE line SET {damage} WHERE order_id = 'o_1' AND line_id = '1'")
    with snapshot(engine("reader")) as unchanging:
        found = {one.check for one in verify(unchanging).differences}
    assert damage.partition(" ")[0] in found
