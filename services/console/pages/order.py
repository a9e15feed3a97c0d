"""An order's story: who was considered, who was credited, what was booked, and what is in its money's way.

The books answer at once. What only the topics know (refunds, refused events, an order that is not in the books, and
touches that were no candidates) is a part of its own: `?part=log` and `?part=why`. So is what takes longer to compute:
`?part=payout`.
"""

from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.console.books import reading
from services.console.render import render
from services.console.story.claim import claim_answer
from services.console.story.line_story import line_story
from services.console.story.topics import log_story
from services.console.story.waiting import unpaid_parties, waiting_parties
from services.operations.explain.booked_order import read_booked
from services.operations.explain.explain import explained_lines
from services.operations.explain.inquiry import Inquiry
from services.operations.explain.orders_log import read_published
from services.operations.explain.policy_rulebook import read_rulebook
from services.operations.explain.sources import BookedOrder, PublishedOrder

_LONGEST_ID = 256


class RequestLibrary:
    """`explain.sources.Library` of a request: the console's reader, and the topics.

    Args:
        request: asks.
    """

    def __init__(self, request: Request) -> None:
        self._request = request

    def booked(self, order_id: str) -> BookedOrder:
        """What the books hold, from one snapshot."""
        with reading(self._request) as connection:
            return read_booked(connection, order_id)

    def published(self, order_id: str, booked: BookedOrder) -> PublishedOrder:
        """What the orders topic and its dead letters hold."""
        return read_published(order_id, booked)


def show_order(request: Request) -> Response:
    """The page of an order, or one of its parts."""
    order_id = request.path_params["order_id"]
    if len(order_id) > _LONGEST_ID or not order_id.isprintable():
        raise HTTPException(404, "no order has such an id")
    part = request.query_params.get("part")
    if part is None:
        return _show_story(request, order_id)
    if part not in _PARTS:
        raise HTTPException(404, "this page has no such part")
    return _PARTS[part](request, order_id)


def _show_story(request: Request, order_id: str) -> Response:
    """What the books say."""
    booked = RequestLibrary(request).booked(order_id)
    rulebook = read_rulebook()
    stories = [line_story(number, one, rulebook) for number, one in enumerate(explained_lines(booked, None), 1)]
    tables = [table for story in stories for table in story.tables]
    return render(request, "order.html", tables=tables, order_id=order_id, stories=stories, asked=_asked(request))


def _show_log(request: Request, order_id: str) -> Response:
    """What the topics say."""
    story = log_story(order_id, RequestLibrary(request), read_rulebook())
    return render(request, "order_log.html", tables=story.tables, order_id=order_id, story=story)


def _show_why(request: Request, order_id: str) -> Response:
    """Why not this KOC or content?"""
    asked, answer = _asked(request), None
    if any(asked.values()):
        inquiry = Inquiry(asked["content"] or None, asked["koc"] or None)
        answer = claim_answer(order_id, inquiry, RequestLibrary(request), read_rulebook())
    tables = answer.tables if answer else []
    return render(request, "order_why.html", tables=tables, order_id=order_id, asked=asked, answer=answer)


def _show_payout(request: Request, order_id: str) -> Response:
    """Why what is settled of a line is in no payout yet."""
    with reading(request) as connection:
        lines = explained_lines(read_booked(connection, order_id), None)
        number = request.query_params.get("line", "1")
        if number not in map(str, range(1, len(lines) + 1)):
            raise HTTPException(404, "this order has no such line")
        one = lines[int(number) - 1]
        waiting = waiting_parties(connection, unpaid_parties(one), one.told.currency)
    return render(request, "order_payout.html", order_id=order_id, waiting=waiting)


def _asked(request: Request) -> dict[str, str]:
    """The KOC and the content of the form."""
    return {name: request.query_params.get(name, "").strip()[:_LONGEST_ID] for name in ("content", "koc")}


_PARTS: Mapping[str, Callable[[Request, str], Response]] = {
    "log": _show_log,
    "why": _show_why,
    "payout": _show_payout,
}

ROUTES = (Route("/order/{order_id:path}", show_order),)
