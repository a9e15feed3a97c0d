"""What every request passes: the right host, a bounded body, a reader's proof; and the headers of every answer."""

import hmac
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.console.access.sessions import Sessions
from services.runtime import metrics

LARGEST_BODY = 12 << 20
"""Bytes: a bank's reply is uploaded whole."""

_ENTER, _STATIC = "/enter", "/static/"
"""What anybody may read who reaches the console."""

_POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
    "font-src": "'self'", "connect-src": "'self'", "form-action": "'self'", "frame-ancestors": "'none'",
    "base-uri": "'none'",
}  # fmt: skip
HEADERS = {
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """ASGI middleware around the whole console.

    Args:
        app: what it guards.
        sessions: of this process.
        cookie: name of the session's cookie.
        hosts: names by which the console may be addressed besides loopback's; a web page of elsewhere whose name leads
            to our address (DNS rebinding) is refused.
        token: that readers must show; None = whoever reaches the address may read.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, cookie: str, hosts: Iterable[str], token: str | None) -> None:
        self._app = app
        self._sessions = sessions
        self._cookie = cookie
        self._hosts = _LOOPBACK | frozenset(hosts)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that may not pass, else pass it on; either way with our headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        identity = connection.cookies.get(self._cookie)
        connection.state.session_id = identity
        connection.state.session = self._sessions.find(identity, is_seen=not _is_by_itself(connection))
        answer = self._refusal(connection) or self._app
        await answer(scope, _bounded(receive), _with_headers(send))

    def _refusal(self, connection: HTTPConnection) -> ASGIApp | None:
        """What is answered instead; None = the request may pass."""
        headers = connection.headers
        if not self._is_our_host(headers.get("host", "")):
            return PlainTextResponse("this is not the address of the console: see KOC_CONSOLE_URL\n", 421)
        if int(headers.get("content-length") or 0) > LARGEST_BODY:
            return PlainTextResponse(f"at most {LARGEST_BODY >> 20} MB can be sent\n", 413)
        if connection.scope["method"] == "POST" and not _is_from_here(headers):
            return PlainTextResponse("the form was sent from another site\n", 403)
        path = connection.url.path
        if "\0" in path or "%00" in connection.url.query:
            return PlainTextResponse("no id has such a sign\n", 404)
        if path == _ENTER or path.startswith(_STATIC) or self._may_read(connection):
            return None
        if "authorization" in headers:
            metrics.console().sign_ins.labels("refused").inc()
            return PlainTextResponse("this is not the token\n", 401, {"www-authenticate": "Bearer"})
        return RedirectResponse(f"/enter?next={quote(_path(connection), safe='')}", 303)

    def _is_our_host(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:  # no address at all
            return False
        return name is not None and name in self._hosts

    def _may_read(self, connection: HTTPConnection) -> bool:
        """A browser by its session, a program by the token itself."""
        if self._token is None or connection.state.session is not None:
            return True
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), self._token.encode())


def is_loopback(host: str) -> bool:
    """Whether an address that a server listens on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_from_here(headers: Mapping[str, str]) -> bool:
    """Whether a browser sent it from a page of ours; programs name no origin."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def _is_by_itself(connection: HTTPConnection) -> bool:
    """Whether a page asks without anybody's doing, as one that is left open does: that keeps no session alive."""
    return "hx-request" in connection.headers or connection.url.path.startswith(_STATIC)


def _path(connection: HTTPConnection) -> str:
    query = connection.url.query
    return connection.url.path + (f"?{query}" if query else "")


def _bounded(receive: Receive) -> Receive:
    """The body up to its bound: a sender need not say how long it is."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > LARGEST_BODY else message

    return bounded


def _with_headers(send: Send) -> Send:
    """Answers with the headers that are the same for all; an answer's own value of one stays."""

    async def completed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return completed


def host_of(url: str) -> str | None:
    """The host's name in an address."""
    return urlsplit(url).hostname
