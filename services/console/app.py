"""The console as one Starlette application: every address, and what becomes of errors."""

from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.console.access.attempts import Attempts
from services.console.access.guard import Guard, host_of
from services.console.access.sessions import Sessions
from services.console.pages import enter, home
from services.console.render import render
from services.kernel.errors import InputRefused, StartRefused
from services.runtime.settings import settings

_log = structlog.get_logger("console")
_STATIC = Path(__file__).parent / "static"
_UNAVAILABLE = "The database or Kafka does not answer. Nothing was changed. Try again in a moment."
_TOO_LONG = "The books took too long to answer. Nothing was changed. Try again in a moment."
_FAILED = "This page failed. The log of the console says why."


def console_app(reader: Engine, host: str) -> Guard:
    """The application behind its guard.

    Args:
        reader: of all pages.
        host: on which it listens.
    """
    known = settings()
    token = known.console_token.get_secret_value() if known.console_token else None
    sessions = Sessions()
    cookie = "__Host-koc" if known.console_url else "koc"
    hosts = {host} | {name for name in (host_of(known.console_url or ""),) if name}
    app = Starlette(
        routes=_routes(),
        exception_handlers={
            HTTPException: _refused,
            InputRefused: _refused_input,
            StartRefused: _unavailable,
            ConnectionError: _unavailable,
            OperationalError: _unavailable,
            DBAPIError: _unavailable,
            Exception: _failed,
        },
    )
    app.state.reader, app.state.sessions, app.state.cookie = reader, sessions, cookie
    app.state.token, app.state.attempts = token, Attempts()
    return Guard(app, sessions, cookie, hosts, token)


def _routes() -> list[Route | Mount]:
    return [
        Route("/", home.show_home),
        Route("/enter", enter.show_enter),
        Route("/enter", enter.enter, methods=["POST"]),
        Route("/leave", enter.leave, methods=["POST"]),
        Route("/healthz", _alive),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]


def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the handler is registered for it
    return render(request, "problem.html", status=error.status_code, problem=error.detail)


def _refused_input(request: Request, error: Exception) -> Response:
    return render(request, "problem.html", status=400, problem=str(error))


def _unavailable(request: Request, error: Exception) -> Response:
    _log.warning("unavailable", page=request.url.path, error=type(error).__name__)
    slow = "statement timeout" in str(error)
    return render(request, "problem.html", status=503, problem=_TOO_LONG if slow else _UNAVAILABLE)


def _failed(request: Request, error: Exception) -> Response:
    _log.error("page failed", page=request.url.path, error=type(error).__name__)
    return render(request, "problem.html", status=500, problem=_FAILED)
