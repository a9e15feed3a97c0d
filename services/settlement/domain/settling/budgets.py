"""Campaign budgets: what runs may still commit, and the entry that shows it.

`budget:C:available` + `budget:C:committed` + `budget:C:limit` are zero in each currency. A budget is decided by runs
alone. What it has committed is what its granted credits were worth at the last run's point: reversals release it.
"""

from typing import NamedTuple

from services.settlement.domain.book import chart
from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.settling.transfers import Occasion, transfer


class BudgetKey(NamedTuple):
    """A budget: a campaign's, in one currency."""

    campaign_id: str
    currency: str


class Budget(NamedTuple):
    """A budget at a run's point: its limit, what the books have committed, and what its granted credits are worth."""

    limit_minor: int
    committed_minor: int
    worth_minor: int

    @property
    def left_minor(self) -> int:
        """What a run may grant; below zero where reversed refunds took more than the limit, and nothing is granted."""
        return self.limit_minor - self.worth_minor


def commit_budget(campaign_id: str, budget: Budget, charged_minor: int, occasion: Occasion) -> list[EntryDraft]:
    """The rows of a run: true the budget up to what its granted credits are worth, and commit what the run granted."""
    committed, available = chart.budget_committed(campaign_id), chart.budget_available(campaign_id)
    moved = budget.worth_minor + charged_minor - budget.committed_minor
    return transfer(Kind.BUDGET_COMMITTED, ONLY, committed, available, moved, occasion)
