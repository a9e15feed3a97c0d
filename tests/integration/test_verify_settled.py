"""Runs and their records in PostgreSQL: what they are in memory, and each fault that is planted behind their back."""

import pytest

from services.settlement.books.snapshot_port import BooksSnapshot
from services.settlement.domain.lines.line import Line
from services.settlement.verify.findings import Difference
from services.settlement.verify.verify import verify
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.books import Books
from tests.kit.runs import plan
from tests.kit.settled_book import SECOND, fill_settled
from tests.kit.settlement_facts import DAY


@pytest.fixture
def book(books: Books) -> Books:
    fill_settled(books)
    return books


def found(book: BookDriver) -> dict[str, Difference]:
    """Differences by check and place."""
    with book.store.snapshot() as books:
        return {f"{one.check} | {one.where}": one for one in verify(books).differences}


def as_read(books: BooksSnapshot) -> dict[str, object]:
    """All records of runs, with accounts by name and without what only a database numbers."""
    records = books.run_records()
    runs = records.runs()

    def settled(line: Line | None) -> object:
        assert line is not None
        assert line.terms is None or line.terms.id
        return line.settled, line.grants, line.terms and line.terms[1:], line.settle_at

    return {
        "runs": [(one.run._replace(terms=one.run.terms._replace(id=0)), one.applied) for one in runs],
        "points": [one.point._replace(commands=0) for one in runs],
        "lines": [sorted(records.plan_lines(one.run.id)) for one in runs],
        "plans": [(list(one.contents), list(one.parties)) for one in (records.plan(run.run.id) for run in runs)],
        "settled": [(one.key, settled(one.line), list(one.plans)) for one in records.settled_lines()],
        "legs": [(books.names[leg.account], *leg[1:]) for leg in records.party_legs()],
        "budgets": sorted((*one[:3], one.raw, settled(one.line)) for one in records.budget_claims()),
        "bonuses": sorted(records.bonuses()),
        "cases": records.case_events(),
        "hints": sorted(record.key for record in books.lines() if record.has_hint),
    }  # fmt: skip


def test_runs_leave_the_same_records_in_both_books(book: Books) -> None:
    other = BookDriver(MemoryStore())
    fill_settled(other)
    for one in (book, other):
        plan(one, SECOND + DAY, "run-3")
    with book.store.snapshot() as stored, other.store.snapshot() as in_memory:
        kept, expected = as_read(stored), as_read(in_memory)
        for what, value in expected.items():
            assert kept[what] == value, what
        assert verify(stored).differences == []
    assert book.net() == other.net()


def test_a_good_book_with_two_runs_has_no_difference_and_all_of_it_was_read(book: Books) -> None:
    with book.store.snapshot() as books:
        report = verify(books)
    assert report.differences == []
    counted = {what: report.checked[what] for what in ("lines", "settled lines", "runs", "budget lines", "bonuses")}
    assert counted == {"lines": 14, "settled lines": 12, "runs": 2, "budget lines": 5, "bonuses": 2}


FAULTS = {
    "UPDATE line SET settled_amounts[1] = 1 WHERE order_id = 'o_1'": {"settled | line o_1/1/b_1"},
    "UPDATE line SET terms = NULL WHERE order_id = 'o_1'": {"terms | line o_1/1/b_1"},
    "UPDATE line SET grants = NULL WHERE order_id = 'o_9'": {"grants | line o_9/1/b_9", "bonus | line o_9/1/b_9"},
    "DELETE FROM due WHERE order_id = 'o_5'": {"due | line o_5/1/b_5"},
    "UPDATE line SET settle_at = settle_at + interval '1 day' WHERE order_id = 'o_5'": {
        "settle at | line o_5/1/b_5", "due | line o_5/1/b_5",
    },
    "UPDATE run_line SET position = 99 WHERE order_id = 'o_1'": {"plan | run run-1"},
    "UPDATE run SET plan_sha256 = 'x' WHERE id = 'run-2'": {"plan | run run-2"},
    "UPDATE run_progress SET done = false WHERE run = 'run-1' AND partition = 11": {"run | run run-1"},
    "UPDATE run_party SET held_delta_minor = 1 WHERE run = 'run-2' AND party = 'koc:k_1'": {
        "plan | run run-2", "net | net of run run-2, koc:k_1 CNY",
    },
    "UPDATE party_leg SET amount_minor = 1 WHERE writer = 12 AND seq = 2": {"party leg | row 12-2 on clawback:koc:k_7"},
    "UPDATE budget_line SET charged_minor = 1 WHERE order_id = 'o_9'": {
        "budget line | line o_9/1/b_9 in budget c_1 CNY", "budget | budget c_1 CNY",
    },
    "DELETE FROM bonus_slot WHERE order_id = 'o_2'": {"bonus | line o_2/1/b_2"},
    "UPDATE content_position SET settled_amounts[1] = 1 WHERE identity = 'v_93'": {"settled | script_fee v_93 CNY"},
}  # fmt: skip


def test_each_planted_fault_is_named(book: Books) -> None:
    """One after the other in one book, so that each adds what it should to what is found already."""
    for statement, expected in FAULTS.items():
        before = found(book).keys()
        book.plant(statement)
        assert expected <= found(book).keys(), statement
        assert found(book).keys() > before, statement
