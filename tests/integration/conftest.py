"""Books and an empty ledger topic for integration tests."""

from collections.abc import Iterator

import pytest

from schemas.topics import LEDGER
from services.runtime.local.stack import Stack
from tests.kit.books import Books
from tests.kit.s3_server import S3Server
from tests.kit.stacks import stack_of_its_own
from tests.kit.topics import make_again


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 for a whole run; every test has buckets of its own."""
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A broker of a module's own: the attribution worker reads whole topics."""
    with stack_of_its_own(tmp_path_factory.mktemp("own")) as stack:
        yield stack


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
    make_again([LEDGER.name])
