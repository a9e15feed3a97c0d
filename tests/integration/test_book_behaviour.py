"""The books in PostgreSQL do what every book does."""

import pytest

from tests.kit.book_behaviour import *  # noqa: F403 - what every book does
from tests.kit.books import Books
from tests.kit.settling_behaviour import *  # noqa: F403 - what it keeps for settling


@pytest.fixture
def book(books: Books) -> Books:
    return books
