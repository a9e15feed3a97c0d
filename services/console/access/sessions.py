"""Sessions of browsers: in this process's memory, found by a cookie that no script can read, ended by idleness."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from services.console.access.people import Person

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600
MOST_SESSIONS = 10_000
"""The one that was idle longest makes room for a new one."""

_ID_BYTES = 32


class Notice(NamedTuple):
    """A sentence for a person, in English, and whether what they wanted was done."""

    text: str
    is_good: bool


@dataclass
class Session:
    """What is known of a browser that has shown a token or signed a person in.

    Attributes:
        person: None = it may read and nothing else.
        began: seconds on a clock that only grows, as `seen`.
        notice: what became of the last action; the next page shows it once.
    """

    person: Person | None
    began: float
    seen: float
    notice: Notice | None = None


class Sessions:
    """All sessions of this process; only the thread of its loop begins, finds and ends them.

    Args:
        clock: seconds; only grows.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(_ID_BYTES)
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    @staticmethod
    def new_id() -> str:
        """An id that nobody guesses, for a browser that has none."""
        return secrets.token_urlsafe(_ID_BYTES)

    def begin(self, person: Person | None) -> str:
        """A session under a new id, so that nobody can plant an id that they know; returns the id."""
        now = self._clock()
        identity = self.new_id()
        self._sessions[identity] = Session(person, now, now)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return identity

    def forget_ended(self) -> None:
        """Forget sessions that have ended, and with them people's passwords."""
        now = self._clock()
        for identity in [one for one, session in self._sessions.items() if self._is_over(session, now)]:
            self.end(identity)

    def find(self, identity: str | None, *, is_seen: bool = True) -> Session | None:
        """The session of this id; None where there is none, or it has ended.

        Args:
            identity: of the browser's cookie.
            is_seen: a person asks, so that it is not idle.
        """
        session = self._sessions.get(identity or "")
        if identity is None or session is None:
            return None
        now = self._clock()
        if self._is_over(session, now):
            self.end(identity)
            return None
        if is_seen:
            session.seen = now
            self._sessions.move_to_end(identity)
        return session

    def __len__(self) -> int:
        return len(self._sessions)

    @staticmethod
    def _is_over(session: Session, now: float) -> bool:
        return now - session.seen > IDLE_SECONDS or now - session.began > LONGEST_SECONDS

    def end(self, identity: str | None) -> None:
        """Forget a session, and with it the person's password."""
        self._sessions.pop(identity or "", None)

    def form_token(self, identity: str) -> str:
        """What a form of this browser must bring along (CSRF): only this process can make it of the cookie."""
        return hmac.new(self._secret, identity.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, identity: str, token: str) -> bool:
        """Whether a form came from a page that we gave to this browser."""
        return hmac.compare_digest(self.form_token(identity).encode(), token.encode())
