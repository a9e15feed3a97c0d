"""Refused events as a console has them in memory: what lists need of each, read on from Kafka when somebody looks."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from schemas.topics import INPUTS
from services.console.kept import KeptReading
from services.runtime.deadletters import DeadLetter, FoundLetter, LetterLog, LogPosition

MOST_LETTERS = 50_000
"""Letters that are kept, about 1 KB each; the oldest make room, and lists say that they are not there."""

FRESH_SECONDS = 3.0
_LONGEST_DETAIL, _LONGEST_ID = 300, 256


class LetterSource(Protocol):
    """Dead letters as `runtime.deadletters.LetterLog` reads them."""

    beginnings: int

    def read_on(self) -> Iterable[FoundLetter]:
        """Those that came since the last time."""


class BriefLetter(NamedTuple):
    """What lists say of a refusal.

    Attributes:
        source: where the event stood; the refusal's identity.
        place: where its letter lies.
        at: when it was refused, microseconds.
        replayed: where the event was sent to; None = nobody has sent it again.
        replay_of: the refusal from which this event had been sent again; None = it came from elsewhere.
    """

    source: LogPosition
    place: LogPosition
    at: int
    reason: str
    detail: str
    event_id: str | None
    order_id: str | None
    replayed: str | None
    replay_of: str | None

    @property
    def order(self) -> tuple[int, str, int, int]:
        """Where it stands in lists: those that were refused last come first."""
        return -self.at, *self.source


class LetterGroup(NamedTuple):
    """Refusals of one topic for one reason that nobody has sent again, the newest first.

    `first_tries` of them do not come from sending again: a group is sent again without the others.
    """

    topic: str
    reason: str
    letters: Sequence[BriefLetter]
    first_tries: int


class ShelfContents(NamedTuple):
    """What is on the shelf.

    Attributes:
        waiting: refusals that nobody has sent again, the newest first.
        replayed: refusals that were sent again, the newest first.
        dropped: how many older ones are not here.
    """

    waiting: Sequence[BriefLetter]
    replayed: Sequence[BriefLetter]
    dropped: int

    def groups(self) -> list[LetterGroup]:
        """What waits, by topic and reason; the group with the newest refusal first."""
        found: dict[tuple[str, str], list[BriefLetter]] = {}
        for letter in self.waiting:
            found.setdefault((letter.source.topic, letter.reason), []).append(letter)
        return [
            LetterGroup(topic, reason, letters, sum(letter.replay_of is None for letter in letters))
            for (topic, reason), letters in found.items()
        ]

    def group(self, topic: str, reason: str) -> LetterGroup:
        """One of the groups; an empty one where nothing of it waits."""
        known = [one for one in self.groups() if (one.topic, one.reason) == (topic, reason)]
        return known[0] if known else LetterGroup(topic, reason, [], 0)


class LetterShelf:
    """All refused events of a console. A letter that comes once more, with where its event was sent to, marks the one
    that came first.

    Args:
        log: what they are read from.
    """

    def __init__(self, log: LetterSource | None = None) -> None:
        self._log: LetterSource = log if log is not None else LetterLog(source.dlq for source in INPUTS)
        self._lock = threading.Lock()
        self._letters: OrderedDict[LogPosition, BriefLetter] = OrderedDict()
        self._dropped = 0
        self._beginnings = 0
        self.reading = KeptReading(self._read_on, FRESH_SECONDS)

    def find(self, source: LogPosition) -> BriefLetter | None:
        """The refusal of the event that stood there, as far as the last reading knows it."""
        with self._lock:
            return self._letters.get(source)

    def _read_on(self) -> ShelfContents:
        for found in self._log.read_on():
            with self._lock:
                self._clear_if_new()
                self._put(found)
        with self._lock:
            self._clear_if_new()
            every = sorted(self._letters.values(), key=lambda letter: letter.order)
            dropped = self._dropped
        waiting = [letter for letter in every if letter.replayed is None]
        return ShelfContents(waiting, [letter for letter in every if letter.replayed is not None], dropped)

    def _clear_if_new(self) -> None:
        """What was read of a log that is there no more is nothing that waits for anybody."""
        if self._log.beginnings != self._beginnings:
            self._letters.clear()
            self._dropped, self._beginnings = 0, self._log.beginnings

    def _put(self, found: FoundLetter) -> None:
        """Take in a letter; the first of an event stays, but for the mark that it was sent again."""
        letter = found.letter
        known = self._letters.get(letter.source)
        if known is None:
            self._letters[letter.source] = _brief(found)
        elif letter.replayed is not None:
            self._letters[letter.source] = known._replace(replayed=letter.replayed)
        while len(self._letters) > MOST_LETTERS:
            self._letters.popitem(last=False)
            self._dropped += 1


def _brief(found: FoundLetter) -> BriefLetter:
    letter = found.letter
    return BriefLetter(
        letter.source,
        found.place,
        found.at,
        letter.reason,
        letter.detail[:_LONGEST_DETAIL],
        _id(letter, "event_id"),
        _id(letter, "order_id"),
        letter.replayed,
        letter.replay_of,
    )


def _id(letter: DeadLetter, name: str) -> str | None:
    text = letter.field(name)
    return None if text is None else text[:_LONGEST_ID]
