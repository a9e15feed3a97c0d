"""Refused events sent again as long work of a console, and what became of each."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from schemas.topics import CLICKS, ORDERS, REGISTRY
from services.console.jobs import JobWork, TellProgress
from services.console.shelf import BriefLetter, LetterShelf
from services.kernel.errors import InputRefused, Stalled
from services.kernel.sentences import Sentence
from services.operations.drain.positions import ATTRIBUTION_GROUP
from services.runtime.deadletters import DeadLetter, LogPosition, select
from services.runtime.replay import Fate, Replay, fates, send_again
from services.settlement.posting.assignment import GROUP

KIND = "send again"
"""Of jobs."""

WAIT_SECONDS = 30.0
"""For news of what became of events."""

_READERS = {CLICKS.name: ATTRIBUTION_GROUP, ORDERS.name: ATTRIBUTION_GROUP, REGISTRY.name: GROUP}
_log = structlog.get_logger("console")


class WantedLetters(NamedTuple):
    """What is to be sent again: the events that stood at these places, or those of a topic with a reason.

    Of a group those that were sent again before, and refused again, are left out: somebody has to name them.
    """

    sources: frozenset[LogPosition]
    topic: str | None
    reason: str | None

    def has(self, letter: BriefLetter | DeadLetter) -> bool:
        """Whether a letter is one of them; nothing is sent again twice."""
        if letter.replayed is not None:
            return False
        if self.sources:
            return letter.source in self.sources
        return (letter.source.topic, letter.reason, letter.replay_of) == (self.topic, self.reason, None)


class SentAgain(NamedTuple):
    """What was sent again: where each event stood and stands, and what became of it; by how many, too."""

    fates: Sequence[tuple[LogPosition, LogPosition, str]]
    accepted: int
    refused_again: int
    on_its_way: int
    problem: str | None


def send_letters_again(wanted: WantedLetters, confirmed: int, by: str, shelf: LetterShelf) -> JobWork:
    """The work of a job.

    Args:
        wanted: which events.
        confirmed: how many a person has agreed to.
        by: who that is.
        shelf: to be read on afterwards.
    """

    def work(say: TellProgress) -> SentAgain:
        say("The refused events are being read.")
        letters = [letter for letter in select(wanted.topic, positions=wanted.sources) if wanted.has(letter)]
        if len(letters) != confirmed:
            raise InputRefused(
                Sentence("{confirmed:,} were confirmed and {count:,} are there now: look again, and confirm anew",
                         confirmed=confirmed, count=len(letters))
            )  # fmt: skip
        say(Sentence("{count:,} events are being sent again.", count=len(letters)))
        try:
            replays = send_again(letters)
        except ConnectionError as problem:
            raise Stalled(str(problem)) from problem  # it says how many went before Kafka was lost
        finally:
            shelf.reading.forget()
        _log.info("sent again", by=by, events=len(replays), topic=wanted.topic, reason=wanted.reason)
        return _sent(replays, say, shelf)

    return work


def _sent(replays: Sequence[Replay], say: TellProgress, shelf: LetterShelf) -> SentAgain:
    """What became of them, as far as that is known after a while."""
    problem = None
    try:
        known = fates(replays, _READERS, WAIT_SECONDS, say)
    except ConnectionError as away:
        known, problem = {replay.place: Fate.ON_ITS_WAY for replay in replays}, str(away)
    shelf.reading.forget()
    found = [(replay.letter.source, replay.place, known[replay.place].value) for replay in replays]
    counts = {fate: sum(one == fate.value for *_, one in found) for fate in Fate}
    return SentAgain(found, counts[Fate.ACCEPTED], counts[Fate.REFUSED_AGAIN], counts[Fate.ON_ITS_WAY], problem)
