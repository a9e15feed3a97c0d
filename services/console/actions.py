"""What people do by forms: only signed in, in the right role, from a page of ours; then back to a page that says so."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.console.access.people import Person
from services.console.access.sessions import Notice, Session
from services.console.state import console_of, session_id_of, session_of
from services.kernel.errors import InputRefused, Stalled, StartRefused
from services.kernel.sentences import Sentence, sentence_of

FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
_MOST_FIELDS, _MOST_FILES = 1_000, 1


class ActionDone(NamedTuple):
    """What became of an action, in English, and the page that comes next."""

    text: str
    href: str


Act = Callable[[Request, Person, FormData], ActionDone | Response]


def action(path: str, act: Act, role: str) -> Route:
    """The route of a form.

    Args:
        path: where the form is posted to.
        act: does it, in a thread of its own; may refuse by an error with a sentence.
        role: that the person must have.
    """

    async def endpoint(request: Request) -> Response:
        async with request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS) as form:
            check_form_token(request, form)
            session = session_of(request)
            back = local_path(form.get("back"))
            if session is None or session.person is None:
                return RedirectResponse(f"/enter?next={quote(back, safe='')}", 303)
            if role not in session.person.roles:
                raise HTTPException(403, Sentence("only people in the role {role} may do this", role=role))
            return await run_in_threadpool(_carried_out, act, request, session, session.person, form)

    endpoint.__module__ = act.__module__
    return Route(path, endpoint, methods=["POST"])


def check_form_token(request: Request, form: FormData) -> None:
    """Make sure that the form came from a page that we gave to this browser.

    Raises:
        HTTPException: it did not.
    """
    sessions, identity, token = console_of(request).sessions, session_id_of(request), form.get(FORM_TOKEN)
    if identity is None or not isinstance(token, str) or not sessions.is_form_token(identity, token):
        raise HTTPException(403, "the form is too old, or not from here: load the page again and send it once more")


def local_path(text: object) -> str:
    """A path of ours to go back to: never another site."""
    if isinstance(text, str) and text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable():
        return text
    return "/"


def field(form: FormData, name: str, longest: int = 500) -> str:
    """A text of a form, without spaces around it.

    Raises:
        InputRefused: it is empty, too long, or holds signs that nothing shows.
    """
    value = form.get(name)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise InputRefused(Sentence("{name} is missing", name=name))
    if len(text) > longest or not text.isprintable():
        raise InputRefused(Sentence("{name} may have {longest} printable signs at most", name=name, longest=longest))
    return text


def _carried_out(act: Act, request: Request, session: Session, person: Person, form: FormData) -> Response:
    """Do it; what was refused is said on the page where the form stands."""
    try:
        done = act(request, person, form)
    except (InputRefused, StartRefused, Stalled) as problem:
        session.notice = Notice(sentence_of(problem), is_good=False)
        return RedirectResponse(local_path(form.get("back")), 303)
    if isinstance(done, Response):
        return done
    session.notice = Notice(done.text, is_good=True)
    return RedirectResponse(done.href, 303)
