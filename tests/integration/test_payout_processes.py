"""Payouts as processes: killed between any two steps, at once, beside posters and runs, they pay each thing once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.time import format_rfc3339
from services.runtime.local.stack import Stack
from tests.kit.books import Books
from tests.kit.command import koc, output_of
from tests.kit.payout_processes import (
    PayoutsAfter,
    ProposalProcess,
    is_killed,
    outcome_of,
    proposal_killed_at,
    proposed,
    steps,
)
from tests.kit.run_books import AS_OF, fill_for_a_run
from tests.kit.run_processes import finish, killed_at
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.stacks import database_like, empty_database_on, leading_to
from tests.kit.topics import forget_all_events
from tests.reference.settling_script import Paid, PayeeSet
from tests.reference.settling_words import K7

RUN = "run-under-test"
_STRIDE = 7
OWNERS = ("koc:k_7", "koc:k_8", "koc:k_9", "koc:k_5", "mcn:m_1", "mcn:m_2", "recruiter:r_1")


@pytest.fixture(scope="module")
def filled(stack: Stack) -> Iterator[str]:
    """The name of a database before the last run; nobody is connected to it."""
    with leading_to(stack), empty_database_on(stack) as name:
        forget_all_events()
        books = Books()
        fill_for_a_run(books)
        for owner in OWNERS:
            ScriptedBooks(books).tell(PayeeSet(owner))
        books.close()
        yield name


@pytest.fixture(scope="module")
def settled(stack: Stack, filled: str) -> Iterator[str]:
    """A copy after that run."""
    with leading_to(stack), database_like(filled, stack) as name:
        finish(AS_OF, RUN)
        yield name


@pytest.fixture(scope="module")
def undisturbed(stack: Stack, settled: str) -> PayoutsAfter:
    """What all steps come to."""
    with leading_to(stack), database_like(settled, stack):
        for step in steps():
            step()
        return read_outcome()


@pytest.fixture
def copied(on_stack: Stack, settled: str) -> Iterator[None]:
    """settings() lead to a copy of the settled database."""
    with database_like(settled, on_stack):
        yield


def read_outcome() -> PayoutsAfter:
    books = Books()
    outcome = outcome_of(books)
    books.close()
    return outcome


def test_the_steps_pay_cancel_refuse_and_pay_again(undisturbed: PayoutsAfter) -> None:
    """Else the other tests would prove little."""
    states = {(batch, status) for _, batch, _, _, status, *_ in undisturbed.payouts}
    assert {("p1", "confirmed"), ("p1", "rejected"), ("p1", "cancelled"), ("p2", "cancelled")} <= states
    assert len(undisturbed.payouts) > 6


@pytest.mark.timeout(600)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_the_same_step_again_goes_on_as_if_nothing_had_happened(
    on_stack: Stack, settled: str, undisturbed: PayoutsAfter, when: str
) -> None:
    """Before the step's COMMIT, or after its answer came."""
    for number in range(len(steps())):
        with database_like(settled, on_stack):
            for place, step in enumerate(steps()):
                if place == number:
                    assert is_killed(step, when)
                step()
            assert read_outcome() == undisturbed, f"killed {when} the commit of step {number + 1}"


@pytest.mark.timeout(600)
def test_a_proposal_finishes_the_run_that_was_left_also_when_it_is_killed_itself(
    on_stack: Stack, filled: str, settled: str
) -> None:
    with database_like(settled, on_stack):
        proposed("p1")
        expected = read_outcome()
    commit, was_killed = 1, True
    while was_killed:
        with database_like(filled, on_stack):
            assert killed_at(3, "after", AS_OF, RUN, chunk=5)
            was_killed = proposal_killed_at(commit, "after", "p1")
            proposed("p1")
            assert read_outcome() == expected, f"killed after commit {commit}"
        commit += _STRIDE
    assert commit > 4 * _STRIDE, "chunks and hints of 12 partitions, an end, the proposal"


def test_a_dry_run_says_what_the_proposal_then_does_and_stores_nothing(copied: None) -> None:
    del copied
    words = ("payout", "propose", "--as-of", format_rfc3339(AS_OF), "--id", "p1", "--json")
    planned = json.loads(output_of(*words, "--dry-run"))
    assert output_of("payout", "list") == "0 batches\n"
    stored = json.loads(output_of(*words))
    assert (planned.pop("state"), stored.pop("state")) == ("planned, not stored", "proposed")
    assert {name: stored[name] for name in planned} == planned
    assert stored["payouts"] > 5
    assert json.loads(output_of(*words))["state"] == "proposed before"
    read_outcome()


def test_of_two_proposals_at_once_the_second_is_refused_and_pays_nothing_later(copied: None, tmp_path: Path) -> None:
    del copied
    first = ProposalProcess(tmp_path, "first", "p1")
    with first.held_within_a_transaction("payout"):
        first.start()
        first.wait_within_a_transaction("payout")
        second = koc("payout", "propose", "--id", "p2")
        run = koc("settlement", "run", "--id", "run-beside")
        assert (second.returncode, run.returncode) == (78, 78)
        assert "koc_operator_local is at work (koc-first: payout.proposed since 20" in second.stderr
    assert first.ended() == 0
    paid = json.loads(first.log().splitlines()[-1])
    assert paid["payouts"] > 5
    assert proposed("p2").batch.counts["payouts"] == 0
    read_outcome()


def test_a_poster_goes_on_beside_a_proposal_and_nothing_of_it_is_in_a_payout_before_it_is_settled(
    copied: None, tmp_path: Path
) -> None:
    del copied
    books = Books()
    scripted = ScriptedBooks(books)
    books.registry_offset = books.rows("SELECT next_offset FROM registry_position")[0][0]
    for partition, offset in books.rows("SELECT partition, next_offset FROM writer WHERE partition < 12"):
        books.offsets[partition] = offset
    process = ProposalProcess(tmp_path, "first", "p1")
    with process.held_within_a_transaction("payout"):
        process.start()
        process.wait_within_a_transaction("payout")
        scripted.tell(Paid("beside", 10_000, K7, day=20, buyer_id="b_9"))
        assert books.rows("SELECT 1 FROM line WHERE order_id = 'beside'") == [(1,)]
    assert process.ended() == 0
    finish(AS_OF, "run-after")
    before = {one.plan.party: one.plan.amount_minor for one in books.store.stored_payouts("p1")}
    proposed("p2")
    after = {one.plan.party: one.plan.amount_minor for one in books.store.stored_payouts("p2")}
    assert before["koc:k_7"] != after["koc:k_7"] > 0
    books.close()
    read_outcome()
