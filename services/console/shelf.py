"""Refused events as a console has them in memory: what lists need of each, read on from Kafka when somebody looks."""

import threading
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import NamedTuple, Protocol

from schemas.topics import INPUTS
from services.console.kept import KeptReading
from services.runtime.deadletters import DeadLetter, FoundLetter, LetterLog, LogPosition, first_letters

MOST_LETTERS = 50_000
"""Letters that are kept, about 1 KB each; those that were refused first make room, and lists say so."""

FRESH_SECONDS = 3.0
_LONGEST_DETAIL, _LONGEST_ID = 300, 256
_ROOM = 5_000
"""Letters above the bound before some make room, so that not each one that comes looks for the oldest."""


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
        event_id: as the event has it, or None; what is no character is an escape.
        order_id: likewise.
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
        self._letters: dict[LogPosition, BriefLetter] = {}
        self._dropped = 0
        self._beginnings = 0
        self.reading = KeptReading(self._read_on, FRESH_SECONDS)

    def find(self, sources: Iterable[LogPosition]) -> list[BriefLetter]:
        """The refusals of the events that stood there, the newest first; one that is not kept here is searched for.

        Raises:
            ConnectionError: Kafka, which has to be searched, does not answer.
            StartRefused: a dead-letter topic does not exist.
        """
        wanted = set(sources)
        with self._lock:
            found = {source: self._letters[source] for source in wanted & self._letters.keys()}
            is_whole = not self._dropped
        if not is_whole and len(found) < len(wanted):
            for one in first_letters(positions=wanted - found.keys()):
                _put(found, one)
        return sorted(found.values(), key=lambda letter: letter.order)

    def _read_on(self) -> ShelfContents:
        for found in self._log.read_on():
            with self._lock:
                self._clear_if_new()
                _put(self._letters, found)
                self._make_room(_ROOM)
        with self._lock:
            self._clear_if_new()
            self._make_room(0)
            every = sorted(self._letters.values(), key=lambda letter: letter.order)
            dropped = self._dropped
        waiting = [letter for letter in every if letter.replayed is None]
        return ShelfContents(waiting, [letter for letter in every if letter.replayed is not None], dropped)

    def _clear_if_new(self) -> None:
        """What was read of a log that is there no more is nothing that waits for anybody."""
        if self._log.beginnings != self._beginnings:
            self._letters.clear()
            self._dropped, self._beginnings = 0, self._log.beginnings

    def _make_room(self, spare: int) -> None:
        """Drop those that were refused first, once there are more than may be kept, and so many above that."""
        above = len(self._letters) - MOST_LETTERS
        if above > spare:
            for letter in nsmallest(above, self._letters.values(), key=lambda letter: letter.at):
                del self._letters[letter.source]
            self._dropped += above


def _put(letters: dict[LogPosition, BriefLetter], found: FoundLetter) -> None:
    """Take in a letter; the first of an event stays, but for the mark that it was sent again."""
    letter = found.letter
    known = letters.get(letter.source)
    if known is None:
        letters[letter.source] = _brief(found)
    elif letter.replayed is not None:
        letters[letter.source] = known._replace(replayed=letter.replayed)


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
    # JSON may name half of a character, which no address and no page can hold
    return None if text is None else text.encode(errors="backslashreplace").decode()[:_LONGEST_ID]
