"""The system's Chromium, headless, driven by Playwright: no browser is downloaded, and no page leaves this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright
from sqlalchemy import make_url

from services.runtime.local.stack import Stack
from tests.kit.without import installed

CHINESE_FONT = "NotoSansSC-Regular.otf"
"""Of the locked package of fonts: a machine without Chinese letters draws them too."""
LAPTOP, PHONE = (1280, 800), (390, 844)
"""Sizes of a window, CSS pixels."""
_DRAWING = ("--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb", "--hide-scrollbars")
"""The same letters on each machine, as far as it has the same fonts."""
_ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""No name leads anywhere: neither a page nor the browser itself finds another host."""
_EXPECT_MS, _DO_MS = 30_000, 60_000
"""How long something may take to show, and to be done, on a busy machine; nothing waits for longer than it takes."""

expect.set_options(timeout=_EXPECT_MS)


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser, ended with the block.

    Args:
        folder: for what it needs on the disk.
    """
    fonts = folder / "fonts"
    fonts.mkdir(parents=True)
    with as_file(files("pylopdf_fonts_zh_cn") / CHINESE_FONT) as font, sync_playwright() as playwright:
        (fonts / CHINESE_FONT).symlink_to(font)
        browser = playwright.chromium.launch(
            executable_path=installed("chromium"),
            args=[*_DRAWING, _ALONE],
            env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        )
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """A person with a browser of their own: cookies, language and window; what goes wrong in it is remembered.

    Attributes:
        page: what they look at; addresses begin at the console's.
        problems: errors and refused contents that the browser told, and requests to another host.

    Args:
        browser: it has a profile of its own there.
        address: of the console, `http://127.0.0.1:PORT`.
        language: that the browser asks for.
        size: of the window.
        has_script: whether scripts run.
        statuses: of answers above 399 that are expected: browsers call each an error.
    """

    def __init__(
        self,
        browser: Browser,
        address: str,
        language: str = "en",
        size: tuple[int, int] = LAPTOP,
        *,
        has_script: bool = True,
        statuses: frozenset[int] = frozenset(),
    ) -> None:
        self.problems: list[str] = []
        self._host = urlsplit(address).netloc
        self._statuses = statuses
        width, height = size
        self.context: BrowserContext = browser.new_context(
            base_url=address,
            locale=language,
            viewport={"width": width, "height": height},
            java_script_enabled=has_script,
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(_DO_MS)
        self.context.on("request", self._note_request)
        self.context.on("console", self._note_console)
        self.context.on("weberror", lambda error: self.problems.append(f"a script failed: {error.error}"))
        self.page: Page = self.context.new_page()

    def sign_in(self, name: str, stack: Stack) -> None:
        """Sign in as one of the local logins of a stack.

        Args:
            name: `koc_payer_local` and so on.
            stack: that has the password.
        """
        passwords = [make_url(url) for key, url in stack.settings().items() if key.endswith("_url")]
        [password] = {url.password for url in passwords if url.username == name}
        self.enter(name, str(password))

    def enter(self, name: str, password: str) -> None:
        """Sign in by a name and a password that fit."""
        self.page.goto("/enter")
        self.page.locator("input[name=name]").fill(name)
        self.page.locator("input[name=password]").fill(password)
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".person")).to_have_text(name)

    def end(self) -> None:
        """Close the browser's profile.

        Raises:
            AssertionError: something went wrong in it.
        """
        self.context.close()
        assert self.problems == []

    def _note_request(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme not in {"data", "blob", "about"} and where.netloc != self._host:
            self.problems.append(f"a request to {where.netloc}")

    def _note_console(self, message: ConsoleMessage) -> None:
        is_expected = any(
            f"the server responded with a status of {status} " in message.text for status in self._statuses
        )
        if message.type in {"error", "warning"} and not is_expected:
            self.problems.append(f"{message.type} on {message.page and message.page.url}: {message.text}")
