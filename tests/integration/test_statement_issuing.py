"""Statements are issued once, in one order, whatever ends a process or holds it up; what must not be stops them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from services.kernel.errors import InvariantBroken, Stalled
from services.runtime.database import engine
from services.runtime.metrics import poster
from services.settlement.books import statement_store
from tests.kit.booking_process import patient
from tests.kit.books import Books
from tests.kit.closes import (
    bodies,
    close_and_issue,
    close_month,
    frozen_with_the_numbers,
    issue,
    killed_at,
)
from tests.kit.metrics import read_all
from tests.kit.statement_checks import assert_sealed
from tests.kit.worked_statement import (
    ORDER,
    fill_november,
)


def test_rows_behind_the_cut_are_not_on_the_statements_of_the_close(books: Books) -> None:
    fill_november(books)
    close_month("2026-10")
    close_month("2026-11")
    issue("2026-10")
    books.plant("UPDATE period SET closed = false WHERE id = '2026-11'")
    books.assert_lines(ORDER.but(order_id="o_2", buyer_id="b_2"))
    issue("2026-11")
    assert bodies(books, "2026-11")["koc:k_7", "CNY"]["pending"]["closing"] == {"pending_minor": 0}


def test_rows_that_the_seal_does_not_cover_stop_the_statements(books: Books) -> None:
    fill_november(books)
    close_month("2026-10")
    books.grant("UPDATE period_sum SET amount_minor = amount_minor + 1 WHERE amount_minor < 0")
    with pytest.raises(InvariantBroken, match="2026-10 revision 1: koc:k_7:pending in CNY moves by -30000"):
        issue("2026-10")
    assert books.rows("SELECT count(*) FROM statement") == [(0,)]


def test_issuing_again_gives_the_same_and_stores_nothing(books: Books) -> None:
    fill_november(books)
    close_month("2026-10")
    first = issue("2026-10")
    before = books.rows("SELECT * FROM statement ORDER BY seq")
    assert issue("2026-10") == first
    books.plant("UPDATE period_close SET root = NULL")
    assert issue("2026-10") == first
    assert books.rows("SELECT * FROM statement ORDER BY seq") == before


@pytest.mark.parametrize("chunk", [1, 2, 5])
@pytest.mark.parametrize("commit", [1, 2])
def test_a_process_that_is_killed_leaves_a_beginning_and_the_next_one_goes_on_behind_it(
    books: Books, chunk: int, commit: int
) -> None:
    fill_november(books)
    close_and_issue("2026-10")
    close_month("2026-11")
    if not killed_at(commit, "2026-11", chunk):
        assert chunk == 5
        return
    ((left,),) = books.rows("SELECT count(*) FROM statement WHERE period = '2026-11'")
    assert left == min(5, commit * chunk)
    assert books.rows("SELECT root FROM period_close WHERE period = '2026-11'") == [(None,)]
    issued = issue("2026-11", chunk=chunk)
    assert_sealed(books, "2026-11", 1)
    assert [seq for (seq,) in books.rows("SELECT seq FROM statement ORDER BY seq")] == list(range(1, 8))
    assert issued.statements == 5


def test_a_beginning_that_is_not_what_the_close_leads_to_is_not_gone_on_with(books: Books) -> None:
    fill_november(books)
    close_and_issue("2026-10")
    close_month("2026-11")
    assert killed_at(1, "2026-11", 2)
    books.plant("UPDATE statement SET sha256 = '\\x00' WHERE seq = 3")
    with pytest.raises(InvariantBroken, match="the statements of 2026-11 revision 1 are not those"):
        issue("2026-11")


def test_two_processes_that_issue_at_once_make_one_set(books: Books) -> None:
    fill_november(books)
    close_and_issue("2026-10")
    close_month("2026-11")
    with ThreadPoolExecutor(2) as pool:
        roots = {one.root for one in pool.map(lambda _: issue("2026-11", chunk=1), range(2))}
    assert len(roots) == 1
    assert [seq for (seq,) in books.rows("SELECT seq FROM statement ORDER BY seq")] == list(range(1, 8))
    assert_sealed(books, "2026-11", 1)


def test_a_close_without_its_statements_shows(books: Books) -> None:
    def unstated() -> float:
        read_all()
        (found,) = poster().unstated.collect()
        return found.samples[0].value

    fill_november(books)
    close_month("2026-10")
    assert unstated() == 1
    issue("2026-10")
    assert unstated() == 0


def test_a_process_that_freezes_while_it_gives_numbers_holds_nobody_up_for_long(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_november(books)
    close_month("2026-10")
    with frozen_with_the_numbers("2026-10"):
        monkeypatch.setattr(statement_store, "_STORING", patient(statement_store._STORING))
        assert issue("2026-10").statements == 2
    assert_sealed(books, "2026-10", 1)


def test_numbers_that_others_hold_for_too_long_are_asked_for_again_by_the_same_command(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_november(books)
    close_month("2026-10")
    with monkeypatch.context() as patch, engine("owner").begin() as connection:
        patch.setattr(statement_store, "_STORING", "-c transaction_timeout=300ms")
        connection.execute(text("SELECT FROM writer WHERE partition = 12 FOR UPDATE"))
        with pytest.raises(Stalled, match="others held the books for too long"):
            issue("2026-10")
    assert issue("2026-10").statements == 2
