"""Each kind of page: for eyes, screen readers, phones, printers, in both languages, with and without scripts."""

from collections.abc import Callable

import pytest

from tests.browser.looks import assert_accessible, assert_fits
from tests.browser.page_map import found_pages, kinds
from tests.kit.chromium import PHONE, Visitor


@pytest.fixture(scope="module")
def paths(address: str) -> dict[str, str]:
    return found_pages(address)


def test_every_page_is_found_by_links_from_the_first_one(paths: dict[str, str]) -> None:
    assert kinds().keys() - paths.keys() == set()


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_page_can_be_read_by_everybody(
    kind: str, language: str, paths: dict[str, str], come: Callable[..., Visitor]
) -> None:
    page = come(language).page
    answer = page.goto(paths[kind])
    assert answer is not None
    assert answer.status == 200
    assert page.locator("html").get_attribute("lang") == ("en" if language == "en" else language)
    assert page.locator("h1").count() == 1
    assert_accessible(page)
    assert_fits(page)


@pytest.mark.parametrize("kind", kinds())
def test_every_page_fits_a_phone(kind: str, paths: dict[str, str], come: Callable[..., Visitor]) -> None:
    page = come("en", PHONE).page
    page.goto(paths[kind])
    assert_fits(page)
    assert_accessible(page)
