"""One stack with a shop's books, one console on it and one browser a run; each test has visitors of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from services.runtime.local.stack import Stack
from tests.browser import shop
from tests.browser.page_map import PageMap, page_map
from tests.kit.chromium import Visitor, chromium
from tests.kit.console_process import ConsoleProcess
from tests.kit.stacks import stack_of_its_own


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the books of a shop's month; settings() lead to it."""
    folder = tmp_path_factory.mktemp("shop")
    with stack_of_its_own(folder / "stack", workers=1) as stack:
        shop.live(folder)
        yield stack


@pytest.fixture(scope="session")
def address(books: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the console of these books answers, without a token."""
    with ConsoleProcess(tmp_path_factory.mktemp("console"), environment=books.environment()) as console:
        yield console.address


@pytest.fixture(scope="session")
def browser(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The system's Chromium. Its driver has an event loop in this thread from then on: the books are made before."""
    del address
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def come(browser: Browser, address: str) -> Iterator[Callable[..., Visitor]]:
    """A person with a browser of their own: `come("zh", PHONE)`; nothing may have gone wrong in it at the end."""
    with ExitStack() as ends:

        def arrive(*arguments: object, at: str = address, **options: object) -> Visitor:
            visitor = Visitor(browser, at, *arguments, **options)  # type: ignore[arg-type]
            ends.callback(visitor.end)
            return visitor

        yield arrive


@pytest.fixture(scope="session")
def seen(address: str) -> PageMap:
    """The pages that links lead to."""
    return page_map(address)
