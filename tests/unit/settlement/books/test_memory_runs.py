"""Runs on the books in memory do what they do on every book."""

import pytest

from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.run_behaviour import *  # noqa: F403 - what runs do on every book


@pytest.fixture
def book() -> BookDriver:
    return BookDriver(MemoryStore())
