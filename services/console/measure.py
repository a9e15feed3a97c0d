"""What requests cost, for the metrics: counted and timed by page, never by whom or what a page shows."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.metric_labels import PAGE
from services.runtime.metrics import console


class Measure:
    """ASGI middleware that counts and times every answer.

    Args:
        app: what it measures.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it when it is answered, or failed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noticed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        finally:
            page = _page_of(scope)
            console().requests.labels(page, str(status)).inc()
            console().seconds.labels(page).observe(time.perf_counter() - began)


def _page_of(scope: Scope) -> str:
    """The module that answered; a request that the guard refused, or that fits no route, is of no page."""
    endpoint = scope.get("endpoint")
    if scope["path"].startswith("/static/"):
        return "static"
    name = getattr(endpoint, "__module__", "").rpartition(".")[2]
    return next((page for page in PAGE.values if name == page or name.startswith(f"{page}_")), "other")
