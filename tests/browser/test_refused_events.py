"""Refused events: grouped by reason, shown as they came, and sent again by an operator alone."""

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest
from playwright.sync_api import expect

from services.runtime.local.stack import Stack
from tests.browser.looks import assert_accessible
from tests.browser.shop import HOSTILE
from tests.kit.chromium import Visitor

_READ_MS = 60_000
"""The console reads them from Kafka after its start."""


def open_refused(visitor: Visitor) -> None:
    """From the first page to the refused events, once they are read."""
    page = visitor.page
    page.goto("/")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Refused events").click()
    expect(page.locator(".group").first).to_be_visible(timeout=_READ_MS)


def test_refused_events_are_grouped_by_reason_with_what_to_do(come: Callable[..., Visitor]) -> None:
    visitor = come()
    open_refused(visitor)
    groups = visitor.page.locator(".group")
    expect(groups.nth(4)).to_be_visible()
    assert all(one.locator(".remedy").inner_text() for one in groups.all())
    assert_accessible(visitor.page)


def test_a_brand_that_is_called_like_a_script_is_shown_as_text(come: Callable[..., Visitor]) -> None:
    visitor = come()
    page = visitor.page
    page.on("dialog", lambda dialog: visitor.problems.append(f"a script ran: {dialog.message}"))
    open_refused(visitor)
    page.get_by_text(re.compile("hostile_click")).first.scroll_into_view_if_needed()
    page.locator("#letters tr, .newest li", has_text="hostile_click").locator("a").first.click()
    expect(page.locator("pre").first).to_contain_text(HOSTILE)
    assert page.locator("main script").count() == 0


@pytest.fixture
def treasurer(books: Stack) -> Iterator[str]:
    """A login in koc_payer alone, with its name as its password."""
    name = "treasurer"
    with psycopg.connect(books.superuser_dsn("koc"), autocommit=True) as server:
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}' IN ROLE koc_payer")
        yield name
        server.execute(f"DROP ROLE {name}")


def test_an_operator_sends_one_again_and_nobody_else_can(
    come: Callable[..., Visitor], books: Stack, treasurer: str
) -> None:
    payer, operator = come(), come()
    payer.enter(treasurer, treasurer)
    operator.sign_in("koc_operator_local", books)
    for visitor in (payer, operator):
        open_refused(visitor)
        visitor.page.locator(".newest a").first.click()
        visitor.page.get_by_role("link", name="Send it again").click()
    # somebody without the role is told so, and cannot make the form up
    expect(payer.page.get_by_text("Only people in the role koc_operator")).to_be_visible()
    expect(operator.page.get_by_role("button", name="Send this 1 event again")).to_be_visible()
    fields = {
        one.get_attribute("name"): one.get_attribute("value") for one in operator.page.locator("main input").all()
    }
    token = payer.page.locator("input[name=form_token]").first.get_attribute("value")
    answer = payer.context.request.post("/dead-letters/again", form=fields | {"form_token": token})  # type: ignore[arg-type]
    assert answer.status == 403
    # an operator sends it, and sees what became of it
    operator.page.get_by_role("button", name="Send this 1 event again").click()
    expect(operator.page.locator("h1")).to_contain_text("Sent again by koc_operator_local")
    expect(operator.page.locator(".figure", has_text="Refused again")).to_be_visible(timeout=_READ_MS)
    assert_accessible(operator.page)


def test_nobody_sends_one_again_without_signing_in(come: Callable[..., Visitor]) -> None:
    visitor = come()
    open_refused(visitor)
    page = visitor.page
    page.locator(".newest a").first.click()
    page.get_by_role("link", name="Send it again").click()
    expect(page.get_by_role("link", name="Sign in to send them")).to_be_visible()
    assert page.get_by_role("button", name="Send this 1 event again").count() == 0
