"""What every page must be like, whatever it shows."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}


def assert_accessible(page: Page) -> None:
    """No serious or critical finding of axe: contrast, names, roles, order."""
    found = Axe().run(page).response["violations"]
    told = [f"{one['id']} on {node['target']}: {node['html'][:200]}" for one in found for node in one["nodes"]
            if one["impact"] in SERIOUS]  # fmt: skip
    assert told == [], page.url


def assert_fits(page: Page) -> None:
    """The page is not wider than its window: what is wider scrolls inside itself."""
    window = page.viewport_size
    assert window is not None
    assert page.evaluate("document.documentElement.scrollWidth") <= window["width"], (page.url, too_wide(page))


def too_wide(page: Page) -> list[str]:
    """What reaches beyond the window and lies in nothing that scrolls."""
    return list(page.evaluate(
        """() => [...document.querySelectorAll("body *")]
             .filter(one => one.getBoundingClientRect().right > innerWidth + 1
               && !one.closest(".scroll, .rooms, .skip"))
             .map(one => one.outerHTML.slice(0, 120)).slice(0, 5)"""
    ))  # fmt: skip


def focused(page: Page) -> str:
    """What has the focus, as a person would name it."""
    return str(page.evaluate(
        """() => { const one = document.activeElement;
                   return one.getAttribute("aria-label") || one.innerText || one.name || one.tagName }"""
    )).strip()  # fmt: skip


def has_visible_focus(page: Page) -> bool:
    """Whether a person sees where the focus is."""
    return bool(page.evaluate(
        """() => { const look = getComputedStyle(document.activeElement);
                   return look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2 }"""
    ))  # fmt: skip
