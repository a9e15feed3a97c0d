"""Runs on the books in PostgreSQL do what they do on every book."""

import pytest

from tests.kit.books import Books
from tests.kit.run_behaviour import *  # noqa: F403 - what runs do on every book


@pytest.fixture
def book(books: Books) -> Books:
    return books
