"""The pictures of docs/console.md: each can be drawn of today's pages, and the page shows each."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.page_map import PageMap
from tests.browser.pictures import PICTURES, draw
from tests.kit.source import ROOT


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_can_be_drawn(name: str, browser: Browser, address: str, seen: PageMap, tmp_path: Path) -> None:
    picture = PICTURES[name]._replace(path=seen.pages[PICTURES[name].kind])
    draw(browser, address, picture, tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_shows_every_picture() -> None:
    shown = re.findall(r"images/console-([a-z-]+)\.png", (ROOT / "docs/console.md").read_text())
    assert sorted(shown) == sorted(PICTURES)
