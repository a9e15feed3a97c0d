"""What a run commits of a budget, and what it gives back."""

from services.settlement.domain.book.drafts import ONLY
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.settling.budgets import Budget, commit_budget
from services.settlement.domain.settling.transfers import Occasion

RUN = Occasion("run r_1", 77)


def test_a_run_trues_up_and_commits_in_one_row() -> None:
    """G10's second run: of 12,000 committed 6,000 came back, and 5,000 are granted anew."""
    budget = Budget(limit_minor=12_000, committed_minor=12_000, worth_minor=6_000)
    assert budget.left_minor == 6_000
    (row,) = commit_budget("c_1", budget, 5_000, RUN)
    assert (row.kind, row.step, row.cause, row.effective_at) == (Kind.BUDGET_COMMITTED, ONLY, "run r_1", 77)
    assert row.legs == {"budget:c_1:committed": -1_000, "budget:c_1:available": 1_000}


def test_reversed_refunds_count_even_over_the_limit_and_nothing_is_left() -> None:
    budget = Budget(limit_minor=100, committed_minor=90, worth_minor=130)
    assert budget.left_minor == -30
    (row,) = commit_budget("c_1", budget, 0, RUN)
    assert row.legs == {"budget:c_1:committed": 40, "budget:c_1:available": -40}


def test_an_unchanged_budget_gives_no_row() -> None:
    assert commit_budget("c_1", Budget(100, 60, 50), 10, RUN) == []
