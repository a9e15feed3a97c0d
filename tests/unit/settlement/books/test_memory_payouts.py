"""Payouts on books in memory: each state that was worked out by hand, and what they do on every book."""

import pytest

from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.payout_behaviour import *  # noqa: F403 - what payouts do on every book
from tests.kit.scripted_memory import ScriptedMemory
from tests.reference.settling_payout_cases import PAYOUT_CASES
from tests.reference.settling_script import Case, Expected


@pytest.fixture
def book() -> BookDriver:
    return BookDriver(MemoryStore())


@pytest.mark.parametrize("case", PAYOUT_CASES, ids=lambda case: case.title)
def test_the_books_reach_each_state(case: Case) -> None:
    books = ScriptedMemory()
    for step in case.script:
        if isinstance(step, Expected):
            assert books.balances(step.currency) == dict(sorted(step.balances.items())), step.what
            books.check()
        else:
            books.tell(step)
