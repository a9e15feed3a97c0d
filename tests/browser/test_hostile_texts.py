"""Text that somebody outside wrote is shown as text: no browser runs it."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.shop import FIRST_BATCH, HOSTILE
from tests.kit.chromium import Visitor

WHERE = (
    f"/search?q={quote(HOSTILE)}",
    f"/order/{quote(HOSTILE, safe='')}",
    f"/command/{FIRST_BATCH}",
    "/commands",
)


@pytest.mark.parametrize("path", WHERE)
def test_a_script_in_a_name_or_a_reason_is_shown_and_not_run(path: str, come: Callable[..., Visitor]) -> None:
    visitor = come()
    visitor.page.on("dialog", lambda dialog: visitor.problems.append(f"a script ran: {dialog.message}"))
    visitor.page.goto(path)
    expect(visitor.page.get_by_text(HOSTILE).first).to_be_visible()
    assert visitor.page.locator("main script").count() == 0
