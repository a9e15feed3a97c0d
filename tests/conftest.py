"""Stacks for tests: one shared without workers, fresh ones on request; each ends with the run, however that ends."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from services.runtime.local.stack import Stack
from tests.kit.stacks import empty_database_on, leading_to

pytest.register_assert_rewrite(
    "tests.browser.looks",
    "tests.kit.attribution_snapshots",
    "tests.kit.book_behaviour",
    "tests.kit.chromium",
    "tests.kit.settling_behaviour",
    "tests.kit.run_behaviour",
    "tests.kit.payout_behaviour",
    "tests.kit.statement_checks",
)
hypothesis_settings.register_profile("machines stall", deadline=None)  # the time of an example says nothing of the code
hypothesis_settings.load_profile("machines stall")
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")  # brokers of tests end before better code pays


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, PostgreSQL, topics and tables, no workers; shared by all tests of a run, so clean up or use own names."""
    with ExitStack() as ends:
        shared = Stack(tmp_path_factory.mktemp("shared-stack"), workers=0)
        ends.callback(shared.reset)
        yield ends.enter_context(shared)


@pytest.fixture
def fresh_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Starts a stack of its own: `fresh_stack(workers=1, environment={…})`; several can run side by side."""
    with ExitStack() as ends:

        def start(workers: int = 1, environment: dict[str, str] | None = None) -> Stack:
            number = len(list(tmp_path.glob("stack-*")))
            fresh = Stack(tmp_path / f"stack-{number}", workers, environment)
            ends.callback(fresh.reset)
            return ends.enter_context(fresh)

        yield start


@pytest.fixture
def lead_to() -> Iterator[Callable[[Stack], None]]:
    """Makes settings() of this process and of its children lead to a stack: `lead_to(fresh_stack())`."""
    with ExitStack() as ends:
        yield lambda stack: ends.enter_context(leading_to(stack))


@pytest.fixture
def on_stack(stack: Stack, lead_to: Callable[[Stack], None]) -> Stack:
    """The shared stack, with settings() leading to it."""
    lead_to(stack)
    return stack


@pytest.fixture
def empty_database(on_stack: Stack) -> Iterator[str]:
    """A database without tables on the shared stack, owned by koc_owner; settings() lead to it. Yields its name."""
    with empty_database_on(on_stack) as name:
        yield name
