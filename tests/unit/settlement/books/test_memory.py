"""The books in memory do what every book does."""

import pytest

from services.kernel.errors import InvariantBroken
from services.settlement.books.memory import MemoryBooks
from tests.kit.book_behaviour import *  # noqa: F403 - what every book does
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.settling_behaviour import *  # noqa: F403 - what it keeps for settling


@pytest.fixture
def book() -> BookDriver:
    return BookDriver(MemoryStore())


def test_a_second_transaction_within_the_first_is_refused_and_the_first_goes_on() -> None:
    books = MemoryBooks()
    with books.transaction() as first:
        with pytest.raises(InvariantBroken, match="is open already"), books.transaction():
            pass
        first.save_registry(7, 1)
    with books.transaction() as second:
        assert second.lock_registry() == 7
