"""The console by keyboard alone."""

from collections.abc import Callable
from itertools import pairwise

from playwright.sync_api import expect

from tests.browser.looks import focused, has_visible_focus
from tests.kit.chromium import Visitor

LINE_PX = 60
"""What stands in one line need not begin at the same height."""


def test_the_first_tab_leads_past_the_head_of_the_page_to_its_content(come: Callable[..., Visitor]) -> None:
    page = come().page
    page.goto("/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    assert has_visible_focus(page)
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_every_stop_of_the_tab_key_is_seen_and_they_come_in_the_order_of_the_page(come: Callable[..., Visitor]) -> None:
    page = come().page
    page.goto("/")
    seen, places = list[str](), list[float]()
    while True:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert has_visible_focus(page), focused(page)
        seen.append(focused(page))
        places.append(page.evaluate("document.activeElement.getBoundingClientRect().top + scrollY"))
    assert len(seen) > 10
    assert seen[1:4] == ["KOC Settlement console", "Order, KOC, brand, content, payout or command", "Search"]
    rows = pairwise(zip(seen[1:], places[1:], strict=True))
    assert [(one, other) for (one, top), (other, next_top) in rows if next_top < top - LINE_PX] == []


def test_a_search_is_typed_and_sent_without_a_mouse(come: Callable[..., Visitor]) -> None:
    page = come().page
    page.goto("/")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.type("k_1")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/search?q=k_1" in url or "/koc" in url or "/party" in url)
