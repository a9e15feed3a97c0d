"""A budget's three accounts: limit, committed, available; together always zero."""

from services.settlement.domain.book.entries import Kind
from services.settlement.domain.settling.budgets import Budget, commit_budget, set_budget
from services.settlement.domain.settling.transfers import Occasion

RUN = Occasion("run r_1", 77)


def test_a_budget_is_set_and_set_anew_by_the_difference() -> None:
    (row,) = set_budget("c_1", 0, 12_000, RUN)
    assert (row.kind, row.step, row.cause, row.effective_at) == (Kind.BUDGET_SET, "set", "run r_1", 77)
    assert row.legs == {"budget:c_1:available": 12_000, "budget:c_1:limit": -12_000}
    (row,) = set_budget("c_1", 12_000, 5_000, RUN)
    assert row.legs == {"budget:c_1:available": -7_000, "budget:c_1:limit": 7_000}
    assert set_budget("c_1", 5_000, 5_000, RUN) == []


def test_a_run_trues_up_and_commits_in_one_row() -> None:
    """G10's second run: of 12,000 committed 6,000 came back, and 5,000 are granted anew."""
    budget = Budget(limit_minor=12_000, committed_minor=12_000, worth_minor=6_000)
    assert budget.left_minor == 6_000
    (row,) = commit_budget("c_1", budget, 5_000, RUN)
    assert (row.kind, row.step) == (Kind.BUDGET_COMMITTED, "budget")
    assert row.legs == {"budget:c_1:committed": -1_000, "budget:c_1:available": 1_000}


def test_reversed_refunds_count_even_over_the_limit_and_nothing_is_left() -> None:
    budget = Budget(limit_minor=100, committed_minor=90, worth_minor=130)
    assert budget.left_minor == -30
    (row,) = commit_budget("c_1", budget, 0, RUN)
    assert row.legs == {"budget:c_1:committed": 40, "budget:c_1:available": -40}


def test_an_unchanged_budget_gives_no_row() -> None:
    assert commit_budget("c_1", Budget(100, 60, 50), 10, RUN) == []
