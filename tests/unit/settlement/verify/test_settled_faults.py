"""Verify on books with two runs, in memory: silent where they are good, and naming each fault that is planted."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.settlement.books.memory_state import MemoryState
from services.settlement.books.ports import ContentPosition, JobProgress
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.terms import NO_GRANTS, Terms
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.verify.findings import Difference
from services.settlement.verify.verify import VerifyReport, verify
from tests.kit import settled_book
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.runs import apply, plan
from tests.kit.settled_book import FIRST, SECOND, fill_before, fill_settled, received
from tests.kit.settlement_facts import DAY

O_1: Key = ("o_1", "1", "b_1")
O_4: Key = ("o_4", "1", "b_4")
O_9: Key = ("o_9", "1", "b_9")
O_12: Key = ("o_12", "1", "b_12")
O_13: Key = ("o_13", "1", "b_13")
BUDGET = BudgetKey("c_1", "CNY")


@pytest.fixture
def book() -> BookDriver:
    books = BookDriver(MemoryStore())
    fill_settled(books)
    return books


def state_of(book: BookDriver) -> MemoryState:
    assert isinstance(book.store, MemoryStore)
    return book.store.state


def verified(book: BookDriver) -> VerifyReport:
    with book.store.snapshot() as books:
        return verify(books)


def found(book: BookDriver) -> dict[str, Difference]:
    """Differences by check and place."""
    return {f"{one.check} | {one.where}": one for one in verified(book).differences}


def change(state: MemoryState, key: Key, **values: object) -> None:
    state.lines[key] = replace(state.lines[key], **values)  # type: ignore[arg-type]


def test_a_good_book_with_two_runs_has_no_difference_and_all_of_it_was_read(book: BookDriver) -> None:
    report = verified(book)
    assert report.differences == []
    counted = {what: report.checked[what] for what in ("lines", "settled lines", "runs", "budget lines", "bonuses")}
    assert counted == {"lines": 14, "settled lines": 12, "runs": 2, "budget lines": 5, "bonuses": 2}
    assert report.notes == []


Plant = Callable[[MemoryState], None]


def settled_more(state: MemoryState) -> None:
    change(state, O_1, settled={**state.lines[O_1].settled, "koc:k_1": 1})


def other_terms(state: MemoryState) -> None:
    change(state, O_1, terms=Terms(2, 99, SECOND))


def no_terms(state: MemoryState) -> None:
    change(state, O_1, terms=None)


def lost_grants(state: MemoryState) -> None:
    change(state, O_9, grants=NO_GRANTS)


def never_due(state: MemoryState) -> None:
    state.lines[O_13].settle_at = FIRST
    state.due.append((1, "2026-11-21", O_13))


def too_late(state: MemoryState) -> None:
    dispute = ("o_5", "1", "b_5")
    change(state, dispute, settle_at=(state.lines[dispute].settle_at or 0) + DAY)


def forgotten(state: MemoryState) -> None:
    state.due = [hint for hint in state.due if hint[2][0] != "o_5"]


def planned_more(state: MemoryState) -> None:
    planned = state.run_lines["run-1", O_1]
    state.run_lines["run-1", O_1] = planned._replace(settled={**planned.settled, "koc:k_1": 1})


def lowered(state: MemoryState) -> None:
    state.run_lines["run-2", O_1] = state.run_lines["run-1", O_1]._replace(settled={"koc:k_1": 1})


def lost_party(state: MemoryState) -> None:
    state.run_parties["run-1"] = state.run_parties["run-1"][1:]


def other_proof(state: MemoryState) -> None:
    run, point = state.runs["run-1"]
    state.runs["run-1"] = run._replace(plan_sha256=bytes(32)), point


def other_counts(state: MemoryState) -> None:
    run, point = state.runs["run-1"]
    state.runs["run-1"] = run._replace(counts={**run.counts, "lines": 9}), point


def unapplied(state: MemoryState) -> None:
    state.run_progress["run-1", 11] = JobProgress(None, done=False)


def left_out(state: MemoryState) -> None:
    state.run_progress["run-2", 0] = JobProgress(("a", "", ""), done=False)


def netted_less(state: MemoryState) -> None:
    parties = {(one.party, one.currency): one for one in state.run_parties["run-2"]}
    one = parties["koc:k_1", "CNY"]
    parties["koc:k_1", "CNY"] = one._replace(net=one.net._replace(netted_payable=one.net.netted_payable - 1))
    state.run_parties["run-2"] = tuple(parties.values())


def other_leg(state: MemoryState) -> None:
    place, (amount, kind) = next(iter(state.party_legs.items()))
    state.party_legs[place] = amount + 1, kind


def lost_leg(state: MemoryState) -> None:
    del state.party_legs[next(iter(state.party_legs))]


def stray_leg(state: MemoryState) -> None:
    place, leg = next(iter(state.party_legs.items()))
    state.party_legs[place[0] + 1, place[1], place[2]] = leg


def charged_more(state: MemoryState) -> None:
    state.budget_lines[BUDGET, O_9] = state.budget_lines[BUDGET, O_9]._replace(charged_minor=1)


def stolen_slot(state: MemoryState) -> None:
    state.slots["br_9", "b_9"] = state.slots.pop(("br_2", "b_9"))


def lost_slot(state: MemoryState) -> None:
    del state.slots["br_2", "b_9"]


def fee_settled_twice(state: MemoryState) -> None:
    place = ("script_fee", "v_93", "CNY")
    position = state.contents[place]
    state.contents[place] = ContentPosition(position.booked, {"koc:k_7": 2 * position.settled["koc:k_7"]})


def unknown_run(state: MemoryState) -> None:
    del state.runs["run-2"]
    state.run_lines = {place: plan for place, plan in state.run_lines.items() if place[0] != "run-2"}


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (settled_more, {"settled | line o_1/1/b_1", "payable | line o_1/1/b_1", "price | line o_1/1/b_1"}),
        (other_terms, {"terms | line o_1/1/b_1"}),
        (no_terms, {"terms | line o_1/1/b_1"}),
        (lost_grants, {"grants | line o_9/1/b_9"}),
        (never_due, {"settle at | line o_13/1/b_13"}),
        (too_late, {"settle at | line o_5/1/b_5"}),
        (forgotten, {"due | line o_5/1/b_5"}),
        (planned_more, {"settled | line o_1/1/b_1", "plan | run run-1", "run | run run-1, koc:k_1 CNY"}),
        (lowered, {"settled | line o_1/1/b_1", "plan | run run-2"}),
        (lost_party, {"plan | run run-1", "run party | run run-1, koc:k_0 CNY"}),
        (other_proof, {"plan | run run-1"}),
        (other_counts, {"run | run run-1"}),
        (unapplied, {"run | run run-1"}),
        (left_out, {"run | line o_12/1/b_12", "settled | line o_12/1/b_12"}),
        (netted_less, {"plan | run run-2", "net | net of run run-2, koc:k_1 CNY"}),
        (other_leg, {"party leg | row 12-2 on clawback:koc:k_7"}),
        (lost_leg, {"party leg | row 12-2 on clawback:koc:k_7"}),
        (stray_leg, {"party leg | row 12-2 on traffic:douyin:prepaid"}),
        (charged_more, {"budget line | line o_9/1/b_9 in budget c_1 CNY", "budget | budget c_1 CNY"}),
        (stolen_slot, {"bonus | line o_9/1/b_9"}),
        (lost_slot, {"bonus | line o_9/1/b_9"}),
        (fee_settled_twice, {"settled | script_fee v_93 CNY", "price | script_fee v_93"}),
        (unknown_run, {"settled | line o_12/1/b_12"}),
    ],
)
def test_each_planted_fault_is_named(book: BookDriver, plant: Plant, expected: set[str]) -> None:
    plant(state_of(book))
    assert expected <= found(book).keys()


def test_a_run_that_is_not_done_is_a_note_and_no_difference() -> None:
    book = BookDriver(MemoryStore())
    fill_before(book)
    run = plan(book, FIRST)
    assert verified(book).differences == []
    assert [note.what for note in verified(book).notes] == ["unfinished run"]
    book.assert_lines(received(1).refunded(5_000, at=FIRST - DAY), partition=1)
    assert verified(book).differences == []
    apply(book, run)
    report = verified(book)
    assert (report.differences, report.notes) == ([], [])


def test_a_budget_over_its_limit_is_a_note(book: BookDriver) -> None:
    book.register(settled_book.BUDGET | {"event_id": "s9", "amount_minor": 100})
    report = verified(book)
    assert report.differences == []
    assert [note.what for note in report.notes] == ["budget over its limit"]
