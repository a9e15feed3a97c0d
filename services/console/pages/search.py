"""Search: what an id belongs to. One exact hit leads to its page at once."""

import re
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.console.books import reading
from services.console.render import render
from services.console.values import path
from services.settlement.books.lookups.search import Found, FoundKind, find

_PAGES = {
    FoundKind.ORDER: "order",
    FoundKind.PARTY: "party",
    FoundKind.BRAND: "brand",
    FoundKind.CONTENT: "content",
    FoundKind.PAYOUT: "payout",
    FoundKind.PAYOUT_BATCH: "batch",
    FoundKind.RUN: "run",
    FoundKind.COMMAND: "command",
    FoundKind.ENTRY: "entry",
}
"""The page of each kind; a campaign, a plan and a month have none."""

KIND_WORDS = {
    FoundKind.ORDER: "Order",
    FoundKind.PARTY: "KOC, agency or recruiter",
    FoundKind.BRAND: "Brand",
    FoundKind.CONTENT: "Content",
    FoundKind.CAMPAIGN: "Campaign",
    FoundKind.PLAN: "Plan",
    FoundKind.PAYOUT: "Payout",
    FoundKind.PAYOUT_BATCH: "Batch of payouts",
    FoundKind.RUN: "Settlement run",
    FoundKind.COMMAND: "Command",
    FoundKind.MONTH: "Closed month",
    FoundKind.ENTRY: "Entry",
}
_LETTER = re.compile(r"([a-z0-9.]+)/([0-9]{1,5})/([0-9]{1,18})", re.ASCII)
_LONGEST = 256


class Hit(NamedTuple):
    """What was found: its kind in English, its id, and its page; None = it has none."""

    kind: str
    id: str
    href: str | None


def show_search(request: Request) -> Response:
    """Lead to what is called so, or list what may be meant."""
    query = request.query_params.get("q", "").strip()[:_LONGEST]
    asked = request.query_params.get("kind")
    if not query:
        return render(request, "search.html", query=query, exact=[], similar=[])
    if asked == "order":
        return RedirectResponse(path("order", query), 303)
    if asked == "koc":
        return RedirectResponse(path("party", f"koc:{query.removeprefix('koc:')}"), 303)
    if letter := _LETTER.fullmatch(query):
        return RedirectResponse(path("dead-letter", *letter.groups()), 303)
    with reading(request) as connection:
        found = find(connection, query)
    exact = [_hit(one) for one in found if is_called(one, query)]
    if len(exact) == 1 and exact[0].href is not None:
        return RedirectResponse(exact[0].href, 303)
    similar = [_hit(one) for one in found if not is_called(one, query)]
    return render(request, "search.html", query=query, exact=exact, similar=similar)


def is_called(found: Found, text: str) -> bool:
    """Whether it has exactly this name; a party also without its role."""
    return found.id == text or (found.kind is FoundKind.PARTY and found.id.partition(":")[2] == text)


def _hit(found: Found) -> Hit:
    page = _PAGES.get(found.kind)
    return Hit(KIND_WORDS[found.kind], found.id, None if page is None else path(page, found.id))


ROUTES = (Route("/search", show_search),)
