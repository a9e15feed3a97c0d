"""Refused events sent again as long work of a console, and what became of each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from schemas.topics import CLICKS, ORDERS, REGISTRY
from services.console.jobs import JobWork, TellProgress
from services.console.shelf import BriefLetter, LetterShelf
from services.kernel.errors import InputRefused, Stalled, StartRefused
from services.kernel.sentences import Sentence
from services.operations.drain.positions import ATTRIBUTION_GROUP
from services.runtime.deadletters import LogPosition
from services.runtime.replay import Fate, Replay, fates, refusals, send_again
from services.settlement.posting.assignment import GROUP

KIND = "send again"
"""Of jobs."""

WAIT_SECONDS = 30.0
"""For news of what became of events."""

_READERS = {CLICKS.name: ATTRIBUTION_GROUP, ORDERS.name: ATTRIBUTION_GROUP, REGISTRY.name: GROUP}
_FATES_FAILED = "What became of them could not be read. The log of the console says why."
_log = structlog.get_logger("console")


class WantedLetters(NamedTuple):
    """What a person chooses: the events that stood at these places, or those of a topic with a reason.

    Of a group those that were sent again before, and refused again, are left out: somebody has to name them.
    """

    sources: frozenset[LogPosition]
    topic: str | None
    reason: str | None

    def has(self, letter: BriefLetter) -> bool:
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


def send_letters_again(confirmed: frozenset[LogPosition], by: str, shelf: LetterShelf) -> JobWork:
    """The work of a job.

    Args:
        confirmed: where the events stood that a person has agreed to.
        by: who that is.
        shelf: to be read on afterwards.
    """

    def work(say: TellProgress) -> SentAgain:
        say("The refused events are being read.")
        there = [one for one in refusals(positions=confirmed) if one.replayed is None]
        check_count(len(confirmed), len(there))
        say(Sentence("{count:,} events are being sent again.", count=len(there)))
        try:
            replays = send_again(there)
        except ConnectionError as problem:
            raise Stalled(str(problem)) from problem  # it says how many went before Kafka was lost
        finally:
            shelf.reading.forget()
        _log.info("sent again", by=by, events=len(replays))
        return _sent(replays, say, shelf)

    return work


def check_count(confirmed: int, count: int) -> None:
    """Make sure that no other events are sent again than a person has seen.

    Raises:
        InputRefused: some came, or were sent again by somebody else.
    """
    if confirmed != count:
        raise InputRefused(
            Sentence("{confirmed:,} were confirmed and {count:,} are there now: look again, and confirm anew",
                     confirmed=confirmed, count=count)
        )  # fmt: skip


def _sent(replays: Sequence[Replay], say: TellProgress, shelf: LetterShelf) -> SentAgain:
    """What became of them, as far as that is known after a while: they are sent, whatever goes wrong here."""
    problem: str | None = None
    known: Mapping[LogPosition, Fate] = {}
    try:
        known = fates(replays, _READERS, WAIT_SECONDS, say)
    except (ConnectionError, StartRefused) as away:
        problem = str(away)
    except Exception:  # noqa: BLE001 - whatever it was, nobody may take the events for unsent
        _log.exception("fates not read")
        problem = _FATES_FAILED
    shelf.reading.forget()
    found = [(replay.source, replay.place, known.get(replay.place, Fate.ON_ITS_WAY).value) for replay in replays]
    counts = {fate: sum(one == fate.value for *_, one in found) for fate in Fate}
    return SentAgain(found, counts[Fate.ACCEPTED], counts[Fate.REFUSED_AGAIN], counts[Fate.ON_ITS_WAY], problem)
