"""Pages of a console as a program reads them: every address on a page, what it says, and the pages behind it."""

import base64
import html
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urldefrag, urlsplit

from tests.kit.console_client import ConsoleClient

_ADDRESS = re.compile(r'\s(?:href|action|hx-get|hx-post)="(/[^"]*)"')
_ELSEWHERE = re.compile(r"/static/|[?&](lang|form)=")
"""Addresses that lead to no page of their own: style sheets, the same page in another language, files of statements."""

_MOST_OF_A_KIND = 12


def addresses(text: str) -> Iterator[str]:
    """Where the links and forms of a page lead within the console, its CSV files among them."""
    return (urldefrag(html.unescape(found)).url for found in _ADDRESS.findall(text))


def said_by(address: str) -> str:
    """All that can be read from an address, the keys of its lists decoded."""
    parameters = [value for _, value in parse_qsl(urlsplit(address).query)]
    return "\n".join([unquote(address), *map(_decoded, parameters)])


def pages_from(console: ConsoleClient, starts: Iterable[str]) -> dict[str, str]:
    """Pages and CSV files by their address: some of each kind that links of a console lead to.

    Args:
        console: signed in or not.
        starts: where to begin.
    """
    found: dict[str, str] = {}
    kinds, waiting = Counter[str](), deque(starts)
    while waiting:
        address = waiting.popleft()
        kind = kind_of(address)
        if address in found or _ELSEWHERE.search(address) or kinds[kind] == _MOST_OF_A_KIND:
            continue
        kinds[kind] += 1
        found[address] = console.shown(address)
        waiting += addresses(found[address])
    return found


def kind_of(address: str) -> str:
    """`/order/…` for each address of an order."""
    first, *more = urlsplit(address).path.removeprefix("/").split("/")
    return f"/{first}/…" if more else f"/{first}"


def _decoded(text: str) -> str:
    """What a parameter says if it is a key."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode(errors="replace")
    except ValueError:
        return ""
