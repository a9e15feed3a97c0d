"""Payouts on the books in PostgreSQL do what they do on every book."""

import pytest

from tests.kit.books import Books
from tests.kit.payout_behaviour import *  # noqa: F403 - what payouts do on every book


@pytest.fixture
def book(books: Books) -> Books:
    return books
