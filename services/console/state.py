"""What one console has for all of its requests, and what it knows of the browser that sent one."""

from dataclasses import dataclass, field

from sqlalchemy import Engine
from starlette.requests import Request

from services.console.access.attempts import Attempts
from services.console.access.sessions import Session, Sessions
from services.console.jobs import Jobs
from services.console.reports.library import ReportLibrary
from services.console.shelf import LetterShelf
from services.console.watch import BooksWatch


@dataclass(frozen=True)
class Console:
    """One console.

    Attributes:
        reader: the role reader's connections, for all pages.
        cookie: name of the cookie with a session's id.
        token: that readers must show; None = whoever reaches the console may read.
        is_tls: whether people reach it through a proxy with TLS: the cookie is then sent over nothing else.
        jobs: long work, such as proposing payouts.
        reports: those that were computed.
        shelf: refused events.
        watch: what is read of the books and the logs beside the pages.
    """

    reader: Engine
    cookie: str
    token: str | None
    is_tls: bool
    sessions: Sessions = field(default_factory=Sessions)
    attempts: Attempts = field(default_factory=Attempts)
    jobs: Jobs = field(default_factory=Jobs)
    reports: ReportLibrary = field(default_factory=ReportLibrary)
    shelf: LetterShelf = field(default_factory=LetterShelf)
    watch: BooksWatch = field(default_factory=BooksWatch)


def console_of(request: Request) -> Console:
    """The console that answers."""
    found: Console = request.app.state.console
    return found


def session_of(request: Request) -> Session | None:
    """The browser's session; None = it has shown nothing yet."""
    found: Session | None = request.state.session
    return found


def session_id_of(request: Request) -> str | None:
    """The id in the browser's cookie, of a session or of none."""
    found: str | None = request.state.session_id
    return found
