"""Signing in and out: a reader by the token, a person by their login of the database."""

import hmac

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.console.access.attempts import Attempts
from services.console.access.people import Person, sign_in
from services.console.access.sessions import Sessions
from services.console.actions import check_form_token, local_path
from services.console.render import remember, render

_TOO_MANY = "There were too many failed attempts. Try again in a minute."
_WRONG_LOGIN = "This name and password do not fit, or the login has no role of ours."
_WRONG_TOKEN = "This is not the token."  # noqa: S105 - a sentence


def show_enter(request: Request) -> Response:
    """The forms."""
    return _page(request, local_path(request.query_params.get("next")), None, 200)


async def enter(request: Request) -> Response:
    """Begin a session for who proves something."""
    async with request.form(max_files=0, max_fields=10) as form:
        check_form_token(request, form)
        attempts: Attempts = request.app.state.attempts
        next_path = local_path(form.get("next"))
        if attempts.are_too_many:
            return _page(request, next_path, _TOO_MANY, 429)
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
    if "token" in texts:
        expected: str | None = request.app.state.token
        if expected is not None and hmac.compare_digest(texts["token"].strip().encode(), expected.encode()):
            return _begun(request, None, next_path)
        attempts.failed()
        return _page(request, next_path, _WRONG_TOKEN, 403)
    person = await run_in_threadpool(sign_in, texts.get("name", ""), texts.get("password", ""))
    if person is None:
        attempts.failed()
        return _page(request, next_path, _WRONG_LOGIN, 403)
    return _begun(request, person, next_path)


async def leave(request: Request) -> Response:
    """End the session."""
    async with request.form(max_files=0, max_fields=10) as form:
        check_form_token(request, form)
    _sessions(request).end(request.state.session_id)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(request.app.state.cookie)
    return answer


def _begun(request: Request, person: Person | None, next_path: str) -> Response:
    sessions = _sessions(request)
    sessions.end(request.state.session_id)
    answer = RedirectResponse(next_path, 303)
    remember(request, answer, sessions.begin(person))
    return answer


def _page(request: Request, next_path: str, problem: str | None, status: int) -> Response:
    has_token = request.app.state.token is not None
    return render(request, "enter.html", status=status, next=next_path, problem=problem, has_token=has_token)


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions
