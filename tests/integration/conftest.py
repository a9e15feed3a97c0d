"""Books and an empty ledger topic for integration tests."""

import time
from collections.abc import Iterator

import pytest

from schemas.topics import LEDGER
from services.runtime.kafka import admin
from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from services.runtime.topics import apply_topics, log_ends
from tests.kit.books import Books
from tests.kit.s3_server import S3Server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 for a whole run; every test has buckets of its own."""
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A broker of a module's own: the attribution worker reads whole topics."""
    with pytest.MonkeyPatch.context() as patch, Stack(tmp_path_factory.mktemp("own"), workers=0) as stack:
        for key, value in stack.environment().items():
            patch.setenv(key, value)
        settings.cache_clear()
        yield stack
        stack.reset()
    settings.cache_clear()


@pytest.fixture
def books(empty_database: str) -> Iterator[Books]:
    """A migrated database of this test's own, with nothing booked; settings() lead to it."""
    del empty_database
    opened = Books()
    yield opened
    opened.close()


@pytest.fixture
def empty_ledger(on_stack: Stack) -> None:
    """The ledger topic of the shared stack, made anew."""
    del on_stack
    with admin() as client:
        client.delete_topics([LEDGER.name])
        while LEDGER.name in client.list_topics():
            time.sleep(0.02)
    apply_topics()
    assert set(log_ends([LEDGER.name]).values()) == {0}
