"""Draws docs/images/console-*.png: pages of the console in the system's Chromium, on the books of a `koc demo`.

python -m tests.browser.pictures            two minutes; installs the browser where root may (make picture)
python -m tests.browser.pictures FOLDER     of a demo that has run there
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from playwright.sync_api import Browser

from services.runtime.local.stack import Stack
from tests.browser.page_map import page_map
from tests.kit.chromium import Visitor, chromium
from tests.kit.command import KOC
from tests.kit.console_process import ConsoleProcess
from tests.kit.source import ROOT

IMAGES = ROOT / "docs/images"
SIZE = (1160, 820)
_SETTLED_MS = 30_000


class Picture(NamedTuple):
    """A page and how much of it is drawn.

    Attributes:
        kind: of the page, as its route is written.
        height: CSS pixels from its top.
        language: of the browser.
        path: of the page, if not the first one of its kind that links lead to.
    """

    kind: str
    height: int
    language: str = "en"
    path: str | None = None


PICTURES: Mapping[str, Picture] = {
    "reports": Picture("/reports", 1000),
    "first-page": Picture("/", 700),
    "order": Picture("/order/{order_id:path}", 1830, path="/order/o_349"),
    "koc": Picture("/party/{party:path}", 1200, path="/party/koc:k_14"),
    "brand": Picture("/brand/{brand:path}", 1000, path="/brand/br_6"),
    "run": Picture("/run/{id}", 1000, path="/run/run-2026-09-15"),
    "batch": Picture("/batch/{id}", 1100),
    "statement": Picture("/statement/{period}/{revision:int}/{party}/{currency}", 1000),
    "dead-letters": Picture("/dead-letters", 800),
    "health": Picture("/health", 900),
    "chinese": Picture("/party/{party:path}", 800, "zh-CN", "/party/koc:k_14"),
}


def main(words: list[str]) -> None:
    """Run a demo, or look at one that has run; serve its books, and draw."""
    with TemporaryDirectory(prefix="koc-pictures-") as name:
        folder = Path(name)
        stack = Stack(Path(words[0]) if words else folder / "demo")
        try:
            if not words:
                subprocess.run([KOC, "demo", "--folder", str(stack.layout.folder)], check=True)
            with (
                stack,
                ConsoleProcess(folder / "console", environment=stack.environment()) as console,
                chromium(folder / "chromium") as browser,
            ):
                draw_all(browser, console.address, IMAGES)
        finally:
            if not words:
                stack.reset()


def draw_all(browser: Browser, address: str, folder: Path) -> None:
    """Draw every picture into a folder. Reports come first: other pages show what was computed for them."""
    pages = page_map(address).pages
    for name, picture in PICTURES.items():
        draw(
            browser, address, picture._replace(path=picture.path or pages[picture.kind]), folder / f"console-{name}.png"
        )


def draw(browser: Browser, address: str, picture: Picture, file: Path) -> None:
    """Draw one page; what it loads later is there."""
    visitor = Visitor(browser, address, picture.language, SIZE)
    page = visitor.page
    page.goto(picture.path or "/", wait_until="networkidle", timeout=_SETTLED_MS)
    height = min(picture.height, page.evaluate("document.documentElement.scrollHeight"))
    page.screenshot(path=file, clip={"x": 0, "y": 0, "width": SIZE[0], "height": height}, full_page=True)
    visitor.end()


if __name__ == "__main__":
    main(sys.argv[1:])
