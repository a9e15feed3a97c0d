"""Dead letters sent again, each once, and what became of them.

An event is published first and its letter is marked when that is acknowledged: a command that is killed in between
sends it once more the next time, and a repeated event has no effect (docs/adr/0018).
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from schemas.topics import BUYER_PARTITIONS, BY_NAME, REGISTRY
from services.kernel.errors import StartRefused
from services.kernel.sentences import Sentence
from services.runtime import groups
from services.runtime.deadletters import DeadLetter, LetterLog, LogPosition, first_letters, letters_at
from services.runtime.kafka import partition_of, producer
from services.runtime.publishing import Outgoing
from services.runtime.topics import log_ends

_AT_ONCE = 200
"""Events that are published before their letters are marked: so many a command that is killed may send twice."""
_MAX_BYTES = 2 << 20
"""What a dead-letter topic lets in; an input topic has its own word on what is too large for it."""
_READ_AT_ONCE, _READ_BYTES = 20_000, 32 << 20
"""Letters that are in memory at once: how many, and the bytes of their values."""

_POLL_SECONDS = 0.3


class Refusal(NamedTuple):
    """A refused event without its bytes: what decides whether it is sent again.

    Attributes:
        source: where the event stood; the refusal's identity.
        place: where its letter lies.
        reason: a word of schemas.reasons.
        replayed: where the event was sent to; None = nobody has sent it again.
        replay_of: the refusal from which this event had been sent again; None = it came from elsewhere.
        size: bytes of its value.
    """

    source: LogPosition
    place: LogPosition
    reason: str
    replayed: str | None
    replay_of: str | None
    size: int

    @property
    def was_sent_again(self) -> bool:
        """Whether its event had its other try: the letter was replayed, or came out of a replay."""
        return self.replayed is not None or self.replay_of is not None


class Replay(NamedTuple):
    """An event that was sent again: where it was refused, where it stands now, and its buyer's partition."""

    source: LogPosition
    place: LogPosition
    home: int


class Fate(StrEnum):
    """What became of an event that was sent again."""

    ACCEPTED = "accepted"
    REFUSED_AGAIN = "refused_again"
    ON_ITS_WAY = "on_its_way"


def refusals(
    topic: str | None = None, reasons: Iterable[str] = (), positions: Iterable[LogPosition] = ()
) -> list[Refusal]:
    """What was refused, each source position once, without the bytes."""
    found = {}
    for letter, place, _ in first_letters(topic, reasons, positions):
        found[letter.source] = Refusal(
            letter.source, place, letter.reason, letter.replayed, letter.replay_of, len(letter.value or b"")
        )
    return [found[source] for source in sorted(found)]


def send_again(chosen: Iterable[Refusal]) -> list[Replay]:
    """Publish refused events again to their source topics, in their old order, and mark their letters.

    Their bytes are read a part at a time, however many there are.

    Raises:
        ConnectionError: no broker answers, a letter is kept no more, or an event was not taken; those before it are
            sent and marked.
    """
    replays: list[Replay] = []
    for part in _parts(sorted(chosen, key=lambda one: one.source)):
        asyncio.run(_send_again(_read(part, len(replays)), replays))
    return replays


def _parts(chosen: Iterable[Refusal]) -> Iterator[list[Refusal]]:
    """Refusals whose values fit into memory together; at least one."""
    part: list[Refusal] = []
    room = _READ_BYTES
    for one in chosen:
        if part and (room < one.size or len(part) == _READ_AT_ONCE):
            yield part
            part, room = [], _READ_BYTES
        part.append(one)
        room -= one.size
    if part:
        yield part


def _read(part: Sequence[Refusal], sent: int) -> list[DeadLetter]:
    """The letters of a part, whole; `sent` were sent again before."""
    try:
        letters = letters_at(one.place for one in part)
    except (ConnectionError, StartRefused) as problem:
        raise ConnectionError(
            f"{part[0].source} was not read, after {sent:,} that were sent again: {problem}"
        ) from None
    for one in part:
        if one.place not in letters:
            raise ConnectionError(f"{one.source} is kept no more, after {sent:,} that were sent again")
    return [letters[one.place] for one in part]


async def _send_again(letters: Sequence[DeadLetter], replays: list[Replay]) -> None:
    """A stretch at a time: publish, wait for the acknowledgements, mark what was acknowledged, and note it."""
    async with producer(max_request_size=_MAX_BYTES) as client:
        for begin in range(0, len(letters), _AT_ONCE):
            stretch = letters[begin : begin + _AT_ONCE]
            places, problem = await _deliver(client, [letter.again() for letter in stretch])
            sent = list(zip(stretch, places, strict=False))
            _, unmarked = await _deliver(client, [letter.marked(place) for letter, place in sent])
            replays += [Replay(letter.source, place, _home(letter, place)) for letter, place in sent]
            if problem or unmarked:
                what = f"{stretch[len(sent)].source} was not sent again" if problem else "a letter was not marked"
                raise ConnectionError(f"{what}, after {len(replays):,} that were: {problem or unmarked}")


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
        StartRefused: a dead-letter topic does not exist.
    """
    homes = {replay.place: replay.home for replay in replays}
    unread = _await_readers(homes, readers, seconds, progress)
    names = {str(place) for place in homes}
    refused: set[str] = set()
    for letter, _, _ in LetterLog(BY_NAME[topic].dlq for topic in {place.topic for place in homes}).read_on():
        refused |= names & {str(letter.source), letter.rerouted or ""}

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


def _home(letter: DeadLetter, place: LogPosition) -> int:
    """The partition of an event's buyer: its reader sends it there from any other."""
    buyer_id = letter.field("buyer_id")
    if buyer_id is None or place.topic == REGISTRY.name:
        return place.partition
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
