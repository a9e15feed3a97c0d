"""Each kind of page: for eyes, screen readers, phones, printers, in both languages, with and without scripts."""

import re
from collections.abc import Callable

import pytest

from tests.browser.looks import assert_accessible, assert_fits
from tests.browser.page_map import PageMap, kinds
from tests.kit.chromium import PHONE, Visitor
from tests.kit.console_client import ConsoleClient
from tests.kit.console_pages import addresses, said_by

BY_DEEDS = {
    "/dead-letters/again": "a form leads there",
    "/dead-letters/sent/{key}": "there is one after an operator has sent events again",
    "/health/{condition}": "there is one if something is wrong",
}
"""Kinds of pages to which links lead only after somebody did something, and what."""
BUYER = re.compile(r"\bb_\w")
"""Begins the id of each buyer of the shop."""
KINDS = sorted(kinds().keys() - BY_DEEDS.keys())


@pytest.fixture
def paths(seen: PageMap) -> dict[str, str]:
    return seen.pages


def test_every_page_is_found_by_links_from_the_first_one(seen: PageMap) -> None:
    assert set(KINDS) - seen.pages.keys() == set()


def test_no_link_leads_nowhere(seen: PageMap) -> None:
    assert seen.broken == []


def test_no_address_of_a_page_names_a_buyer(paths: dict[str, str], address: str) -> None:
    with ConsoleClient(address) as console:
        said = {one: said_by(one) for path in paths.values() for one in addresses(console.page(path))}
    assert any("after-lines=" in one for one in said), "else no list of order lines goes on"
    assert [text for text in said.values() if BUYER.search(text)] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_page_can_be_read_by_everybody_on_every_screen(
    kind: str, language: str, paths: dict[str, str], come: Callable[..., Visitor]
) -> None:
    page = come(language).page
    answer = page.goto(paths[kind])
    assert answer is not None
    assert answer.status == 200
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h1").count() == 1
    assert_accessible(page)
    assert_fits(page)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert_fits(page)
    assert_accessible(page)


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_says_the_same_without_scripts(
    kind: str, paths: dict[str, str], come: Callable[..., Visitor]
) -> None:
    plain = come(has_script=False).page
    plain.goto(paths[kind])
    assert plain.locator("h1").count() == 1
    # what a script loads later is a link without it
    late = plain.locator("[hx-get][hx-trigger^=load]")
    assert late.count() == late.filter(has=plain.locator("a")).count()


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_prints_its_content_alone(kind: str, paths: dict[str, str], come: Callable[..., Visitor]) -> None:
    page = come().page
    page.goto(paths[kind])
    page.emulate_media(media="print")
    assert page.locator("h1").is_visible()
    for hidden in (".top", ".rooms", "main form:not(.table)", "main button"):
        assert not any(one.is_visible() for one in page.locator(hidden).all()), hidden
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("path", [*KINDS, "/health/unpriced"])
def test_every_table_of_a_page_is_a_csv_file(path: str, paths: dict[str, str], come: Callable[..., Visitor]) -> None:
    page = come().page
    page.goto(paths.get(path, path))
    hrefs = {one.get_attribute("href") for one in page.locator("a.csv").all()} | (
        {"/health/unpriced?csv=lines"} if path == "/health/unpriced" else set()
    )
    for href in hrefs:
        answer = page.request.get(href or "")
        assert answer.status == 200, href
        head, *rows = answer.body().decode("utf-8-sig").splitlines()
        assert "," in head or head.isidentifier(), href
        assert rows or path == "/health/unpriced", href
