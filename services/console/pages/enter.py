"""Signing in and out: a reader by the token, a person by their login of the database."""

import hmac

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.console.access.people import Person, sign_in
from services.console.actions import check_form_token, local_path
from services.console.render import remember, render
from services.console.state import console_of, session_id_of
from services.runtime import metrics

_TOO_MANY = "There were too many failed attempts. Try again in a minute."
_WRONG_LOGIN = "This name and password do not fit, or the login has no role of ours."
_WRONG_TOKEN = "This is not the token."  # noqa: S105 - a sentence


def show_enter(request: Request) -> Response:
    """The forms."""
    return _page(request, local_path(request.query_params.get("next")), None, 200)


async def enter(request: Request) -> Response:
    """Begin a session for a browser that proves something."""
    console = console_of(request)
    async with request.form(max_files=0, max_fields=10) as form:
        check_form_token(request, form)
        next_path = local_path(form.get("next"))
        if not console.attempts.begin():
            metrics.console().sign_ins.labels("too_many").inc()
            return _page(request, next_path, _TOO_MANY, 429)
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
    if "token" in texts:
        expected = console.token
        if expected is not None and hmac.compare_digest(texts["token"].strip().encode(), expected.encode()):
            return _begun(request, None, next_path)
        return _failed(request, next_path, _WRONG_TOKEN)
    try:
        person = await run_in_threadpool(sign_in, texts.get("name", ""), texts.get("password", ""))
    except ConnectionError:
        console.attempts.take_back()
        raise
    if person is None:
        return _failed(request, next_path, _WRONG_LOGIN)
    return _begun(request, person, next_path)


async def leave(request: Request) -> Response:
    """End the session."""
    async with request.form(max_files=0, max_fields=10) as form:
        check_form_token(request, form)
    console = console_of(request)
    console.sessions.end(session_id_of(request))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(console.cookie, secure=console.is_tls, httponly=True, samesite="strict")
    return answer


def _failed(request: Request, next_path: str, problem: str) -> Response:
    metrics.console().sign_ins.labels("refused").inc()
    return _page(request, next_path, problem, 403)


def _begun(request: Request, person: Person | None, next_path: str) -> Response:
    metrics.console().sign_ins.labels("person" if person else "reader").inc()
    console_of(request).attempts.take_back()
    sessions = console_of(request).sessions
    sessions.end(session_id_of(request))
    answer = RedirectResponse(next_path, 303)
    remember(request, answer, sessions.begin(person))
    return answer


def _page(request: Request, next_path: str, problem: str | None, status: int) -> Response:
    has_token = console_of(request).token is not None
    return render(request, "enter.html", status=status, next=next_path, problem=problem, has_token=has_token)


ROUTES = (
    Route("/enter", show_enter),
    Route("/enter", enter, methods=["POST"]),
    Route("/leave", leave, methods=["POST"]),
)
