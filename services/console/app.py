"""The console as one Starlette application: every address, and what becomes of errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.console.access.guard import Guard, host_of
from services.console.measure import Measure
from services.console.pages import (
    brand,
    command,
    content,
    dead_letter,
    enter,
    entry,
    health,
    home,
    order,
    party,
    payout,
    report,
    run,
    search,
    statement,
)
from services.console.readiness import DATABASE_AWAY
from services.console.render import render
from services.console.state import Console
from services.kernel.errors import InputRefused, StartRefused
from services.kernel.sentences import sentence_of
from services.runtime import metrics
from services.runtime.settings import settings

_log = structlog.get_logger("console")
_STATIC = Path(__file__).parent / "static"
_PAGES = (
    home,
    enter,
    search,
    order,
    party,
    brand,
    content,
    run,
    payout,
    command,
    statement,
    entry,
    health,
    dead_letter,
    report,
)
_FORGET_SECONDS = 10.0
_UNAVAILABLE = "The database or Kafka does not answer. Nothing was changed. Try again in a moment."
_TOO_LONG = "The books took too long to answer. Nothing was changed. Try again in a moment."
_UNSURE = (
    "The database or Kafka went away while this was done. Look whether it was done before you send the form again."
)
_NO_PAGE = "There is no such page. The search box finds what an id belongs to."
_FAILED = "This page failed. The log of the console says why."


def console_app(reader: Engine, host: str) -> Measure:
    """The application behind its guard, measured.

    Args:
        reader: of all pages.
        host: on which it listens.
    """
    known = settings()
    token = known.console_token.get_secret_value() if known.console_token else None
    is_tls = known.console_url is not None
    console = Console(reader, "__Host-koc" if is_tls else "koc", token, is_tls)
    hosts = {host} | {name for name in (host_of(known.console_url or ""),) if name}
    app = Starlette(
        routes=_routes(),
        lifespan=_forgets_sessions,
        exception_handlers={
            HTTPException: _refused,
            InputRefused: _refused_input,
            StartRefused: _refused_start,
            **dict.fromkeys(DATABASE_AWAY, _unavailable),
            Exception: _failed,
        },
    )
    app.state.console = console
    metrics.console().sessions.set_function(console.sessions.__len__)
    return Measure(Guard(app, console.sessions, console.cookie, hosts, token))


@asynccontextmanager
async def _forgets_sessions(app: Starlette) -> AsyncIterator[None]:
    """While the console serves, an ended session and its password are gone a moment later."""
    console: Console = app.state.console

    async def forget() -> None:
        while True:
            await asyncio.sleep(_FORGET_SECONDS)
            console.sessions.forget_ended()

    forgetting = asyncio.create_task(forget())
    yield
    forgetting.cancel()


def _routes() -> list[Route | Mount]:
    return [
        *(route for page in _PAGES for route in page.ROUTES),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the handler is registered for it
    problem = _NO_PAGE if error.detail == "Not Found" else error.detail
    answer = render(request, "problem.html", status=error.status_code, problem=problem)
    answer.headers.update(error.headers or {})
    return answer


def _refused_input(request: Request, error: Exception) -> Response:
    return render(request, "problem.html", status=400, problem=sentence_of(error))


def _refused_start(request: Request, error: Exception) -> Response:
    """A right, a table, a topic or a setting is missing: the sentence says which, and what to do."""
    _log.warning("refused", page=request.url.path, error=str(error))
    return render(request, "problem.html", status=503, problem=sentence_of(error))


def _unavailable(request: Request, error: Exception) -> Response:
    _log.warning("unavailable", page=request.url.path, error=type(error).__name__)
    if request.method == "POST":
        problem = _UNSURE
    elif "statement timeout" in str(error) or isinstance(error, NoFreeConnection):
        problem = _TOO_LONG
    else:
        problem = _UNAVAILABLE
    return render(request, "problem.html", status=503, problem=problem)


def _failed(request: Request, error: Exception) -> Response:
    _log.error("page failed", page=request.url.path, error=type(error).__name__)
    return render(request, "problem.html", status=500, problem=_FAILED)
