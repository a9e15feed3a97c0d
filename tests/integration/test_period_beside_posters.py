"""A close beside posters and other closes: each row has one month, and a death in the middle changes nothing."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from services.kernel.errors import InputRefused, Stalled
from services.runtime.local.stack import Stack
from services.settlement.books.closing_transaction import ClosingTransaction
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.ports import Batch, IncomingAssertion
from services.settlement.books.posting_transaction import PERIOD, SESSION
from services.settlement.periods import close as closing
from services.settlement.posting.post_credits import post_batch
from services.settlement.verify.verify import verify
from tests.kit import periods, runs
from tests.kit.book_driver import ZONE_MINUTES, BookDriver
from tests.kit.booking_process import patient
from tests.kit.books import Books, PostgresStore
from tests.kit.command import koc
from tests.kit.commands import given, login
from tests.kit.periods import SETTING, day_of, paid
from tests.kit.topics import forget_all_events
from tests.kit.waiting import until

MONTHS = "SELECT order_id, period, writer || '-' || seq FROM journal ORDER BY writer, seq"
WAITS_FOR_PERIOD = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {PERIOD} AND NOT granted"
WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def june(books: Books) -> Books:
    """Two orders of June."""
    books.register(*SETTING)
    books.assert_lines(paid(1, 5), paid(2, 20))
    return books


@pytest.fixture
def another(june: Books) -> Iterator[BookDriver]:
    """A second poster of the same books, with connections of its own; it has read what there is."""
    with poster_beside(june, SESSION) as poster:
        yield poster


@pytest.fixture
def patient_one(june: Books) -> Iterator[BookDriver]:
    """One whose transactions last longer than what another one may hold."""
    with poster_beside(june, patient(SESSION)) as poster:
        yield poster


@contextmanager
def poster_beside(june: Books, session: str) -> Iterator[BookDriver]:
    store = PostgresStore(june.store._owner, session)
    poster = BookDriver(store)
    poster.offsets = dict(june.offsets)
    yield poster
    store.close()


@pytest.fixture
def start() -> Iterator[Callable[[Callable[[], Any]], "Future[Any]"]]:
    """Starts work on a thread of its own."""
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


def check(books: Books) -> None:
    with books.store.snapshot() as snapshot:
        assert verify(snapshot).differences == []


def number(books: Books, query: str) -> int:
    return int(books.rows(query)[0][0])


@contextmanager
def paused(patch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """A function that waits when it is called first: (it was called, let it go on)."""
    reached, go_on = threading.Event(), threading.Event()
    original = getattr(owner, name)

    def waiting(*args: Any, **options: Any) -> Any:
        if not reached.is_set():
            reached.set()
            assert go_on.wait(60)
        return original(*args, **options)

    with patch.context() as here:
        here.setattr(owner, name, waiting)
        yield reached, go_on
        go_on.set()


def test_a_poster_in_the_middle_of_a_transaction_books_into_the_month_below_the_cut(
    june: Books, another: BookDriver, start: Any
) -> None:
    fact = paid(3, 6)
    with another.store.transaction() as transaction:
        first = another.offsets[4]
        raw = fact.wire()
        batch = Batch({4: (first, first + 1)}, [IncomingAssertion(4, first, raw, decode_credit(raw))])
        post_batch(transaction, batch, another.reference, ZONE_MINUTES, set())
        closed = start(lambda: periods.close("2026-06"))
        until(lambda: number(june, WAITS_FOR_PERIOD), "the close waits for the poster")
        assert not closed.done()
    assert closed.result(60).result["cut"][3:5] == [2, 1]
    assert june.rows(MONTHS)[-1] == ("o_3", "2026-06", "4-1")
    check(june)


def test_a_poster_that_comes_while_the_cut_is_made_waits_and_books_into_the_next_month(
    june: Books, another: BookDriver, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with paused(monkeypatch, closing, "record") as (sealing, go_on):
        closed = start(lambda: periods.close("2026-06"))
        assert sealing.wait(60)
        posted = start(lambda: another.assert_lines(paid(3, 6), partition=4))
        until(lambda: number(june, WAITS_FOR_PERIOD), "the poster waits for the close")
        assert not posted.done()
        go_on.set()
        assert closed.result(60).result["cut"][3:5] == [2, 0]
        posted.result(60)
    assert june.rows(MONTHS)[-1] == ("o_3", "2026-07", "4-1")
    check(june)


def test_posters_go_on_while_the_month_is_added_up_and_their_rows_count(
    june: Books, another: BookDriver, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a sum that comes to nothing by them: it has no row, and no line under the seal."""
    with paused(monkeypatch, ClosingTransaction, "begin_close") as (added_up, go_on):
        closed = start(lambda: periods.close("2026-06"))
        assert added_up.wait(60)
        another.assert_lines(paid(3, 6, brand_id="br_9"), partition=4)
        another.assert_lines(paid(1, 5).refunded(20_000, at=day_of(9)), paid(2, 20).refunded(20_000, at=day_of(22)))
        go_on.set()
        assert closed.result(60).result["cut"][3:5] == [4, 0]
    assert june.rows("SELECT count(*) FROM period_sum") == [(0,)]
    check(june)


def test_the_first_close_is_refused_when_a_row_of_an_earlier_month_comes_meanwhile(
    june: Books, another: BookDriver, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with paused(monkeypatch, ClosingTransaction, "try_lock_period") as (adding, go_on):
        closed = start(lambda: periods.close("2026-06"))
        assert adding.wait(60)
        another.assert_lines(paid(3, -3), partition=4)
        go_on.set()
        with pytest.raises(InputRefused, match="a row of 2026-05 came meanwhile"):
            closed.result(60)
    assert june.rows("SELECT (SELECT count(*) FROM period), (SELECT count(*) FROM period_close)") == [(0, 0)]
    assert [periods.close(month).seq for month in ("2026-05", "2026-06")] == [1, 2]
    check(june)


def test_two_closes_at_once_without_run_close_the_month_once(
    june: Books, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the connection that holds RUN was cut."""
    for month, refusal in (("2026-06", Stalled), ("2026-07", InputRefused)):
        with paused(monkeypatch, closing, "record") as (sealing, go_on):
            first = start(lambda month=month: periods.close(month))
            assert sealing.wait(60)
            second = start(lambda month=month: periods.close(month))
            until(lambda: number(june, WAITS), "the second one waits for the first")
            go_on.set()
            assert first.result(60).is_new
            with pytest.raises(refusal):
                second.result(60)
        assert periods.close(month) == first.result(60)._replace(is_new=False)
    assert june.rows("SELECT count(*) FROM command") == [(2,)]
    check(june)


def test_a_poster_in_the_middle_of_a_transaction_does_not_see_that_a_month_opens_again(
    june: Books, another: BookDriver, on_stack: Stack
) -> None:
    periods.close("2026-06")
    with login(on_stack, "koc_operator") as (_, address):
        proposal = given("period", "reopen", "2026-06")["command_id"]
        with another.store.transaction() as transaction:
            transaction.lock_shared()
            transaction.lock_writers({4})
            before = transaction.moment(another.reference)
            given("period", "approve", proposal, by=address)
        assert before.oldest_open == "2026-07"
        another.assert_lines(paid(3, 6), partition=4)
        periods.close("2026-06")
    assert june.rows(MONTHS)[-1] == ("o_3", "2026-06", "4-1")
    check(june)


def test_posters_that_never_let_a_close_in_make_it_give_up(
    june: Books, another: BookDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "TRIES", 2)
    monkeypatch.setattr(closing, "LAST_PATIENCE_MS", 100)
    with another.store.transaction() as transaction:
        transaction.lock_shared()
        with pytest.raises(Stalled, match="others held the books for too long: nothing was closed"):
            periods.close("2026-06")
    assert june.rows("SELECT count(*) FROM period") == [(0,)]
    periods.close("2026-06")
    check(june)


def test_a_close_that_freezes_while_it_holds_the_posters_is_ended_by_the_database(
    june: Books, patient_one: BookDriver, start: Any
) -> None:
    def freeze(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    frozen = forked(lambda: setattr(closing, "record", freeze))
    try:
        until(lambda: os.waitid(os.P_PID, frozen, os.WSTOPPED | os.WNOWAIT | os.WNOHANG), "the close is frozen")
        posted = start(lambda: patient_one.assert_lines(paid(3, 6), partition=4))
        until(lambda: number(june, WAITS_FOR_PERIOD), "the poster waits for the close")
        posted.result(60)
    finally:
        os.kill(frozen, signal.SIGKILL)
        os.waitpid(frozen, 0)
    assert june.rows(MONTHS)[-1] == ("o_3", "2026-06", "4-1")
    assert june.rows("SELECT count(*) FROM period_close") == [(0,)]
    assert periods.close("2026-06").result["cut"][4] == 1
    check(june)


def forked(change: Callable[[], None]) -> int:
    """A process that closes June with something changed; its id."""
    child = os.fork()
    if child == 0:
        try:
            change()
            periods.close("2026-06")
        finally:
            os._exit(0)
    return child


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", [1, 2])
def test_killed_at_each_commit_the_same_close_comes_to_the_same_seal(june: Books, commit: int, when: str) -> None:
    seal = periods.close("2026-06", is_trial=True).result["seal"]
    assert killed_at(commit, when)
    is_there = (commit, when) == (2, "after")
    assert june.rows("SELECT count(*) FROM period") == [(int(is_there),)]
    done = periods.close("2026-06")
    assert (done.is_new, done.result["seal"]) == (not is_there, seal)
    check(june)


def killed_at(commit: int, when: str) -> bool:
    """A close in a process of its own that is killed -9 before or after one of its commits; whether it was.

    Args:
        commit: 1 is that of what was added up at leisure, 2 that of the close.
        when: "before" the COMMIT is sent, or "after" its answer came.
    """
    opened, original = count(), closing.closing_transaction

    @contextmanager
    def watched(book: Any) -> Iterator[ClosingTransaction]:
        number = next(opened)  # 0 looks which revision is next, 1 whether the command is known
        with original(book) as transaction:
            yield transaction
            if (number - 1, when) == (commit, "before"):
                os.kill(os.getpid(), signal.SIGKILL)
        if (number - 1, when) == (commit, "after"):
            os.kill(os.getpid(), signal.SIGKILL)

    child = forked(lambda: setattr(closing, "closing_transaction", watched))
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def test_the_command_waits_for_the_books_and_finishes_the_run_that_was_left(june: Books) -> None:
    forget_all_events()
    runs.plan(june, day_of(90), "left")
    with pytest.raises(Stalled, match="run left was planned meanwhile"):
        periods.close("2026-06")
    done = koc("period", "close", "2026-06", "--json")
    told = [line for line in done.stderr.splitlines() if line.startswith(("finishing", "closing"))]
    assert told == ["finishing run left, which another process left", "closing 2026-06"]
    assert json.loads(done.stdout)["result"]["revision"] == 1
    assert june.rows("SELECT status FROM run") == [("done",)]
    again = koc("period", "close", "2026-06")
    assert again.stdout.startswith("this is command 2, which koc_operator_local gave at 20")
    tried = koc("period", "close", "2026-07", "--dry-run")
    assert tried.stdout.startswith("this would be done: 2026-07 is closed, revision 1, seal ")
    wrong = koc("period", "close", "2026-08")
    assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (
        65, "koc: months are closed in order: the month to close next is 2026-07",
    )  # fmt: skip
    check(june)
