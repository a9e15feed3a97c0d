"""Who asks, and in which language: what pages and templates know of a request's browser."""

from typing import NamedTuple

from starlette.requests import Request

from services.console.access.people import Person
from services.console.state import session_of
from services.console.words.catalogue import Language

LANGUAGE_COOKIE = "koc_language"
CHOOSE_LANGUAGE = "lang"
"""The parameter of any address by which a person chooses a language; remembered from then on."""


class Visit(NamedTuple):
    """A browser's request.

    Attributes:
        person: who has signed in; None = nobody.
        language: of the answer.
        path: where it is, with its parameters: the way back after signing in.
    """

    person: Person | None
    language: Language
    path: str


def visit_of(request: Request) -> Visit:
    """What is known of the browser that asks."""
    session = session_of(request)
    query = request.url.query
    path = request.url.path + (f"?{query}" if query else "")
    return Visit(session.person if session else None, language_of(request), path)


def language_of(request: Request) -> Language:
    """As chosen; else what the browser likes best of what we speak; else English."""
    for chosen in (request.query_params.get(CHOOSE_LANGUAGE), request.cookies.get(LANGUAGE_COOKIE)):
        if chosen in list(Language):
            return Language(chosen)
    for liked in request.headers.get("accept-language", "").split(","):
        primary = liked.partition(";")[0].strip().partition("-")[0].lower()
        if primary in list(Language):
            return Language(primary)
    return Language.EN
