"""The worked cases of payouts through the real transactions: each state as worked out by hand, in PostgreSQL."""

import pytest

from tests.kit.books import Books
from tests.kit.scripted_books import ScriptedBooks
from tests.reference.settling_payout_cases import PAYOUT_CASES
from tests.reference.settling_script import Case, Expected


@pytest.mark.parametrize("case", PAYOUT_CASES, ids=lambda case: case.title)
def test_the_books_reach_each_state(books: Books, case: Case) -> None:
    scripted = ScriptedBooks(books)
    for step in case.script:
        if isinstance(step, Expected):
            assert scripted.balances(step.currency) == dict(sorted(step.balances.items())), step.what
            scripted.check()
        else:
            scripted.tell(step)
