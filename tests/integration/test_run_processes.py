"""Runs as processes: killed at each commit, frozen, cut off and at once, they settle each thing once."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.runtime.local.stack import Stack
from tests.kit.books import Books
from tests.kit.command import koc
from tests.kit.run_books import AS_OF, RunOutcome, fill_for_a_run, outcome_of
from tests.kit.run_processes import RunProcess, finish, killed_at
from tests.kit.stacks import database_like, empty_database_on, leading_to
from tests.kit.topics import forget_all_events
from tests.kit.waiting import until

RUN = "run-under-test"
TRANSACTION_SECONDS = 8.0


@pytest.fixture(scope="module")
def filled(stack: Stack) -> Iterator[str]:
    """The name of a database before the run; nobody is connected to it."""
    with leading_to(stack), empty_database_on(stack) as name:
        forget_all_events()
        books = Books()
        fill_for_a_run(books)
        books.close()
        yield name


@pytest.fixture(scope="module")
def undisturbed(stack: Stack, filled: str) -> RunOutcome:
    """What the run comes to."""
    with leading_to(stack), database_like(filled, stack):
        assert finish(AS_OF, RUN).is_new
        return read_outcome()


@pytest.fixture
def copied(on_stack: Stack, filled: str) -> Iterator[None]:
    """settings() lead to a copy of the filled database."""
    with database_like(filled, on_stack):
        yield


@pytest.fixture
def run_process(tmp_path: Path) -> Iterator[RunProcess]:
    """The command, not yet started."""
    process = RunProcess(tmp_path, "first", AS_OF, RUN)
    yield process
    process.kill()


def read_outcome() -> RunOutcome:
    books = Books()
    outcome = outcome_of(books)
    books.close()
    return outcome


def test_a_run_settles_much_of_what_can_be_decided(undisturbed: RunOutcome) -> None:
    """Else the other tests would prove little."""
    accounts = {name.rpartition(":")[2] for name, _, amount in undisturbed.balances if amount}
    assert {"payable", "held", "receivable", "fee", "committed", "output"} <= accounts
    assert sum(bool(grants) for *_, grants, _ in undisturbed.settled) > 10


@pytest.mark.timeout(600)
def test_killed_at_each_commit_another_command_finishes_it_as_if_nothing_had_happened(
    on_stack: Stack, filled: str, undisturbed: RunOutcome
) -> None:
    """The plan, each chunk, the end. Before a COMMIT the books are as after the one before it, but for locks."""
    commit, was_killed = 1, True
    while was_killed:
        for when in ("before", "after") if commit in (1, 2, 12) else ("after",):
            with database_like(filled, on_stack):
                was_killed = killed_at(commit, when, AS_OF, RUN, chunk=5)
                found = finish(AS_OF, RUN)
                assert found.is_new is (when == "before" and commit == 1)
                assert found.run.plan_sha256 == undisturbed.runs[-1][1]
                assert read_outcome() == undisturbed, f"killed {when} commit {commit}"
        commit += 1
    assert commit > 30, "a plan, chunks and hints of 12 partitions, an end"


def test_killed_before_its_end_the_next_command_finishes_it_and_then_plans_its_own(
    copied: None, undisturbed: RunOutcome
) -> None:
    del copied
    assert killed_at(3, "after", AS_OF, RUN, chunk=5)
    found = finish(AS_OF, "run-next")
    assert (found.is_new, found.run.counts["lines"]) == (True, 0)
    after = read_outcome()
    assert after.runs[:-1] == undisturbed.runs
    assert after[1:4] == undisturbed[1:4], "the same moment again moves nothing"


@pytest.mark.parametrize("table", ["balance", "journal"])  # PostgreSQL waits for its next statement, or for its COPY
def test_a_frozen_run_is_finished_by_another_process_and_doubles_nothing_when_it_wakes(
    copied: None, on_stack: Stack, undisturbed: RunOutcome, run_process: RunProcess, table: str
) -> None:
    del copied
    run_process.freeze_within_a_transaction(run_process.start, table)
    if table == "balance":
        began = time.monotonic()
        until(lambda: ("writer", True) not in run_process.locks(), "its rows are free")
        assert time.monotonic() - began < TRANSACTION_SECONDS + 20
    run_process.cut_its_lock(on_stack)
    assert not finish(AS_OF, RUN).is_new
    assert read_outcome() == undisturbed
    run_process.send_signal(signal.SIGCONT)
    assert run_process.ended() == 75
    assert "the connection that held RUN was cut" in run_process.log()
    assert "Traceback" not in run_process.log()
    assert read_outcome() == undisturbed


def test_a_run_whose_lock_is_cut_ends_with_a_sentence_and_the_same_command_goes_on(
    copied: None, on_stack: Stack, undisturbed: RunOutcome, run_process: RunProcess
) -> None:
    del copied
    with run_process.held_within_a_transaction("balance"):
        run_process.start()
        run_process.wait_within_a_transaction("balance")
        run_process.cut_its_lock(on_stack)
    assert run_process.ended() == 75
    assert "the same command again goes on where it is" in run_process.log()
    assert read_outcome().runs[-1][2] == "planned"
    assert not finish(AS_OF, RUN).is_new
    assert read_outcome() == undisturbed


def test_of_two_runs_at_once_the_second_is_refused_with_the_name_of_the_first(
    copied: None, undisturbed: RunOutcome, run_process: RunProcess
) -> None:
    del copied
    with run_process.held_within_a_transaction("balance"):
        run_process.start()
        run_process.wait_within_a_transaction("balance")
        second = koc("settlement", "run", "--as-of", "2026-11-01T00:00:00Z", "--id", "run-second")
    assert run_process.ended() == 0
    assert second.returncode == 78
    assert "koc_operator_local is at work (koc-first: settlement.run since 20" in second.stderr
    assert read_outcome() == undisturbed
