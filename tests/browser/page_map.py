"""Every kind of page of the console, found as a person finds it: by links from the first page and from a search."""

import html
import re
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urldefrag, urlsplit

from starlette.routing import Match, Route

from services.console import app
from tests.kit.waiting import until

STARTS = ("/", "/enter", "/search?q=o_1", "/search?q=k_1")
MOST_VISITS = 300
_NO_PAGE = {"csv", "form", "lang"}
"""Parameters of links that lead to a file, or to the same page in another language."""


def kinds() -> dict[str, Route]:
    """The routes of all pages by their path's template."""
    routes = [route for page in app._PAGES for route in page.ROUTES if "GET" in (route.methods or ())]
    return {route.path: route for route in routes}


class PageMap(NamedTuple):
    """What links lead to: a path of each kind of page, and the paths that lead nowhere, with where each stands."""

    pages: dict[str, str]
    broken: list[tuple[str, str]]


def page_map(address: str) -> PageMap:
    """Follow links until a page of each kind is found, once the console has read what it reads beside its pages.

    Args:
        address: of the console, `http://127.0.0.1:PORT`.
    """
    until(lambda: 'href="/dead-letter/' in _page(f"{address}/dead-letters"), "the refused events are read")
    until(lambda: 'id="progress"' not in _page(f"{address}/reports"), "the report is computed")
    known, found = kinds(), PageMap({}, [])
    waiting = deque((path, "the start") for path in STARTS)
    seen = set(STARTS)
    for _ in range(MOST_VISITS):
        if not waiting or len(found.pages) == len(known):
            break
        path, origin = waiting.popleft()
        try:
            text = _page(f"{address}{path}")
        except urllib.error.HTTPError:
            found.broken.append((path, origin))
            continue
        if (kind := kind_of(path)) is not None:
            found.pages.setdefault(kind, path)
        for one in links(text):
            if one not in seen:
                seen.add(one)
                put = waiting.append if kind_of(one) in found.pages else waiting.appendleft
                put((one, path))
    return found


def links(text: str) -> Iterable[str]:
    """Where the links of a page lead within the console, but for its files."""
    for found in re.findall(r'<a[^>]*\shref="([^"]+)"', text):
        path = urldefrag(html.unescape(found)).url
        parameters = {part.partition("=")[0] for part in urlsplit(path).query.split("&")}
        if path.startswith("/") and not parameters & _NO_PAGE:
            yield path


def kind_of(path: str) -> str | None:
    """The kind of page that answers a path; None if none does."""
    scope = {"type": "http", "method": "GET", "path": urlsplit(path).path, "root_path": "", "headers": []}
    return next((kind for kind, route in kinds().items() if route.matches(scope)[0] is Match.FULL), None)


def _page(url: str) -> str:
    """The text of a page; nothing if it is a file."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - http, by the caller
        return str(answer.read().decode()) if answer.headers.get_content_type() == "text/html" else ""
