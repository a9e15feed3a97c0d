"""Dead letters sent again, each once, and what became of them.

An event is published first and its letter is marked when that is acknowledged: a command that is killed in between
sends it once more the next time, and a repeated event has no effect (docs/adr/0018).
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

from schemas.topics import BUYER_PARTITIONS, REGISTRY
from services.kernel.sentences import Sentence
from services.runtime import groups
from services.runtime.deadletters import DeadLetter, LogPosition, select
from services.runtime.kafka import partition_of, producer
from services.runtime.publishing import Outgoing
from services.runtime.topics import log_ends

_AT_ONCE = 200
"""Events that are published before their letters are marked: so many a command that is killed may send twice."""
_MAX_BYTES = 2 << 20
"""What a dead-letter topic lets in; an input topic has its own word on what is too large for it."""
_POLL_SECONDS = 0.3


class Replay(NamedTuple):
    """A letter that was sent again, and where its event stands now."""

    letter: DeadLetter
    place: LogPosition


class Fate(StrEnum):
    """What became of an event that was sent again."""

    ACCEPTED = "accepted"
    REFUSED_AGAIN = "refused_again"
    ON_ITS_WAY = "on_its_way"


def send_again(letters: Iterable[DeadLetter]) -> list[Replay]:
    """Publish refused events again to their source topics, in their old order, and mark their letters.

    Raises:
        ConnectionError: no broker answers, or an event was not taken; those before it are sent and marked.
    """
    return asyncio.run(_send_again(sorted(letters, key=lambda letter: letter.source)))


async def _send_again(letters: Sequence[DeadLetter]) -> list[Replay]:
    """A stretch at a time: publish, wait for the acknowledgements, mark what was acknowledged."""
    replays: list[Replay] = []
    left = iter(letters)
    async with producer(max_request_size=_MAX_BYTES) as client:
        while stretch := list(islice(left, _AT_ONCE)):
            places, problem = await _deliver(client, [letter.again() for letter in stretch])
            sent = [Replay(*pair) for pair in zip(stretch, places, strict=False)]
            _, unmarked = await _deliver(client, [replay.letter.marked(replay.place) for replay in sent])
            replays += sent
            if problem or unmarked:
                what = f"{stretch[len(sent)].source} was not sent again" if problem else "a letter was not marked"
                raise ConnectionError(f"{what}, after {len(replays):,} that were: {problem or unmarked}")
    return replays


async def _deliver(client: Any, records: Iterable[Outgoing]) -> tuple[list[LogPosition], BaseException | None]:
    """Publish records in their order; where they stand now, up to the first that was not taken, and why it was not."""
    from aiokafka.errors import KafkaError

    waiting: list[Any] = []
    places: list[LogPosition] = []
    problem: BaseException | None = None
    for record in records:
        try:
            waiting.append(
                await client.send(
                    record.topic, record.value, record.key, partition=record.partition, headers=list(record.headers)
                )
            )
        except KafkaError as error:
            problem = error
            break
    for answer in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(answer, BaseException):
            return places, answer
        places.append(LogPosition(answer.topic, answer.partition, answer.offset))
    return places, problem


def fates(
    replays: Iterable[Replay], readers: Mapping[str, str], seconds: float, progress: Callable[[str], None]
) -> dict[LogPosition, Fate]:
    """What became of events that were sent again, by where they stand; waits until they are read, or for so long.

    A reader's position says what was read: refusals are acknowledged before it moves. An event whose key was wrong is
    published once more by its reader, where it belongs; it is read when the log up to there is.

    Args:
        replays: of send_again.
        readers: the consumer group that reads a topic, by topic.
        seconds: how long to wait.
        progress: told how many are still to be read, whenever that changes.

    Raises:
        ConnectionError: the broker went away.
    """
    homes = {replay.place: _home(replay) for replay in replays}
    unread = _await_readers(homes, readers, seconds, progress)
    letters = select()
    refused = {str(letter.source) for letter in letters} | {letter.rerouted for letter in letters}

    def fate(place: LogPosition) -> Fate:
        if str(place) in refused:
            return Fate.REFUSED_AGAIN
        return Fate.ON_ITS_WAY if place in unread else Fate.ACCEPTED

    return {place: fate(place) for place in homes}


def _await_readers(
    homes: Mapping[LogPosition, int], readers: Mapping[str, str], seconds: float, progress: Callable[[str], None]
) -> set[LogPosition]:
    """Wait until the events at these positions are read, each in its home partition too; those that are not in time."""
    awaited = {place: place for place in homes}
    deadline = time.monotonic() + seconds
    told = 0
    while awaited:
        # Read positions first: what is behind them was refused or sent home before.
        read = _read_positions({place.topic for place in awaited}, readers)
        for place in [place for place, last in awaited.items() if read.get(last[:2], 0) > last.offset]:
            if awaited[place] == place and homes[place] != place.partition:
                awaited[place] = _end(place.topic, homes[place])
            else:
                del awaited[place]
        # Then say how it stands, and give up or look again.
        if awaited and len(awaited) != told:
            told = len(awaited)
            progress(Sentence("{count:,} of the events are still to be read", count=told))
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    return set(awaited)


def _home(replay: Replay) -> int:
    """The partition of an event's buyer: its reader sends it there from any other."""
    buyer_id = replay.letter.field("buyer_id")
    if buyer_id is None or replay.place.topic == REGISTRY.name:
        return replay.place.partition
    return partition_of(buyer_id.encode(errors="surrogatepass"), BUYER_PARTITIONS)


def _end(topic: str, partition: int) -> LogPosition:
    """The last record of a partition."""
    return LogPosition(topic, partition, log_ends([topic])[topic, partition] - 1)


def _read_positions(topics: Iterable[str], readers: Mapping[str, str]) -> dict[tuple[str, int], int]:
    """What is read next of every partition, as far as the topics' readers have said."""
    found: dict[tuple[str, int], int] = {}
    for group in {readers[topic] for topic in topics}:
        found |= groups.positions(group)
    return found
