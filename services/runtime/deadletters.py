"""Dead letters: refused events as they came, with headers that say why and where they stood.

A refusal's identity is its source position: a rebuild may refuse the same record again, and it is still one refusal.
A letter that was sent again (services.runtime.replay) lies in its topic once more, whole, with one header more: so the
mark lasts as long as the letter, and for readers that know nothing of it the refusal is only told twice.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from schemas.topics import BY_NAME, DLQ_PARTITIONS, INPUTS
from services.kernel.errors import StartRefused
from services.runtime import log_offsets
from services.runtime.kafka import log_reader, partition_of
from services.runtime.log_records import records_to_ends
from services.runtime.publishing import Header, Outgoing

REASON = "reason"
DETAIL = "detail"
SOURCE_TOPIC = "source_topic"
SOURCE_PARTITION = "source_partition"
SOURCE_OFFSET = "source_offset"
REPLAYED = "replayed"
"""The header of a letter that was sent again: the event's new position."""
OURS = frozenset({REASON, DETAIL, SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET, REPLAYED})
REROUTED = "koc_rerouted"
"""The header of an event that was published again with its right key: the position where it was astray."""
REPLAY_OF = "koc_replay_of"
"""The header of an event that was sent again from its dead letter: the position where it was refused."""
_DETAIL_BYTES = 500


class LogPosition(NamedTuple):
    """Where a record stood in its source topic; written TOPIC/PARTITION/OFFSET."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class DeadLetter(NamedTuple):
    """A refused record: where it stood, why it was refused, and all that it was."""

    source: LogPosition
    reason: str
    detail: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @property
    def replayed(self) -> str | None:
        """The position at which it was sent again; None = never."""
        return self._header(REPLAYED)

    @property
    def replay_of(self) -> str | None:
        """The position of the letter from which this event had been sent again; None = it came from elsewhere."""
        return self._header(REPLAY_OF)

    @property
    def rerouted(self) -> str | None:
        """The position where the event was astray before; None = it was not."""
        return self._header(REROUTED)

    def field(self, name: str) -> str | None:
        """A text of the event, such as its event_id, as far as the bytes have it: they may be no valid JSON."""
        try:
            event = json.loads(self.value or b"")
        except (ValueError, RecursionError):
            found = re.search(rb'"%s"\s*:\s*"([^"\\]*)"' % name.encode(), self.value or b"")
            return found[1].decode(errors="replace") if found else None
        text = event.get(name) if isinstance(event, dict) else None
        return text if isinstance(text, str) else None

    def again(self) -> Outgoing:
        """The record for its source topic, as it first came: without our headers, where its key belongs.

        The mark of an earlier rerouting goes too, so that the event gets another try. A record without a key goes
        to the partition that it came from.
        """
        original = [header for header in self.headers if header[0] not in OURS | {REROUTED, REPLAY_OF}]
        partition = self.source.partition if self.key is None else None
        headers = (*original, (REPLAY_OF, str(self.source).encode()))
        return Outgoing(self.source.topic, self.key, self.value, partition, headers)

    def marked(self, place: LogPosition) -> Outgoing:
        """The letter once more, for its own topic, with where its event stands now."""
        kept = [header for header in self.headers if header[0] != REPLAYED]
        partition = partition_of(self.key or b"", DLQ_PARTITIONS)
        headers = (*kept, (REPLAYED, str(place).encode()))
        return Outgoing(BY_NAME[self.source.topic].dlq, self.key, self.value, partition, headers)

    def _header(self, name: str) -> str | None:
        """The text of a header, the last of its name."""
        found = [value for key, value in self.headers if key == name and value is not None]
        return found[-1].decode(errors="replace") if found else None


def headers(
    reason: str, detail: str, topic: str, partition: int, offset: int, original: Iterable[Header] = ()
) -> list[Header]:
    """The headers of a dead-letter record: the original's, then ours (which replace those of an earlier refusal).

    Args:
        reason: a word of schemas.reasons.
        detail: one line for a person.
        topic: the source topic, with `partition` and `offset` the refusal's identity.
        original: the refused record's own headers.
    """
    return [(name, value) for name, value in original if name not in OURS] + [
        (REASON, reason.encode()),
        (DETAIL, detail.encode(errors="replace")[:_DETAIL_BYTES]),
        (SOURCE_TOPIC, topic.encode()),
        (SOURCE_PARTITION, str(partition).encode()),
        (SOURCE_OFFSET, str(offset).encode()),
    ]


class FoundLetter(NamedTuple):
    """A dead letter, where it lies in its own topic, and when the broker got it there (microseconds)."""

    letter: DeadLetter
    place: LogPosition
    at: int


def parse_position(text: str) -> LogPosition:
    """A source position from TOPIC/PARTITION/OFFSET.

    Raises:
        ValueError: it is none, or names no input topic.
    """
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if topic not in {known.name for known in INPUTS} or not (partition.isdecimal() and offset.isdecimal()):
        raise ValueError(f"{text!r} is not TOPIC/PARTITION/OFFSET of an input topic")
    return LogPosition(topic, int(partition), int(offset))


def first_letters(
    topic: str | None = None, reasons: Iterable[str] = (), positions: Iterable[LogPosition] = ()
) -> Iterator[FoundLetter]:
    """The first letter of each refusal, as it is read; a refusal that was sent again comes once more, with its mark.

    Args:
        topic: only of this source topic.
        reasons: only for one of these; none = for any.
        positions: only at one of these; none = anywhere.

    Raises:
        StartRefused: a dead-letter topic does not exist.
        ConnectionError: no broker answers, or it went away.
    """
    reasons, positions = frozenset(reasons), frozenset(positions)
    topics = {one.topic for one in positions} or {source.name for source in INPUTS}
    is_wanted: dict[LogPosition, bool] = {}  # by the first letter: a rebuild may give another reason
    for found in LetterLog(BY_NAME[name].dlq for name in topics if topic in (None, name)).read_on():
        letter, is_first = found.letter, found.letter.source not in is_wanted
        if positions and letter.source not in positions:
            continue
        if is_first:
            is_wanted[letter.source] = not reasons or letter.reason in reasons
        if is_wanted[letter.source] and (is_first or letter.replayed is not None):
            yield found


class LetterLog:
    """Dead-letter topics, read from their beginning, and later on from where the last reading ended.

    Args:
        topics: names of dead-letter topics.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = sorted(topics)
        self._next: dict[tuple[str, int], int] = {}
        self.beginnings = 0
        """How often a log was found shorter than what was read of it: it is another one, and is read from its
        beginning."""

    def read_on(self) -> Iterator[FoundLetter]:
        """Every dead letter up to the present ends; records of others, without our headers, are none.

        Raises:
            StartRefused: a dead-letter topic does not exist.
            ConnectionError: no broker answers, or it went away; what was given until then is not given again.
        """
        with log_reader() as reader:
            places = [place for topic in self._topics for place in _partitions(reader, topic)]
            reader.assign(places)
            first, ends = log_offsets.beginnings(reader, places), log_offsets.ends(reader, places)
            if any(self._next.get(tuple(place), 0) > ends[place] for place in places):
                self._next.clear()
                self.beginnings += 1
            for place in places:
                reader.seek(place, max(self._next.get(tuple(place), 0), first[place]))
            for record in records_to_ends(reader, ends):
                letter = _letter(record.key, record.value, record.headers or ())
                self._next[record.topic, record.partition] = record.offset + 1
                if letter is not None:
                    yield _found(record, letter)


def letters_at(places: Iterable[LogPosition]) -> dict[LogPosition, DeadLetter]:
    """The dead letters at places of their own topics; those that lie there no more are missing.

    Reads each partition from the first of the places to the last.

    Raises:
        StartRefused: a topic does not exist.
        ConnectionError: no broker answers, or it went away.
    """
    wanted = frozenset(places)
    offsets: dict[tuple[str, int], list[int]] = {}
    for place in wanted:
        offsets.setdefault((place.topic, place.partition), []).append(place.offset)
    letters: dict[LogPosition, DeadLetter] = {}
    with log_reader() as reader:
        known = [one for topic in sorted({topic for topic, _ in offsets}) for one in _partitions(reader, topic)]
        stretches = {one: offsets[tuple(one)] for one in known if tuple(one) in offsets}
        reader.assign(list(stretches))
        first, ends = log_offsets.beginnings(reader, stretches), log_offsets.ends(reader, stretches)
        for one, among in stretches.items():
            reader.seek(one, max(min(among), first[one]))
        for record in records_to_ends(
            reader, {one: min(max(among) + 1, ends[one]) for one, among in stretches.items()}
        ):
            place = LogPosition(record.topic, record.partition, record.offset)
            letter = _letter(record.key, record.value, record.headers or ()) if place in wanted else None
            if letter is not None:
                letters[place] = letter
    return letters


def _partitions(reader: Any, topic: str) -> list[Any]:
    """All partitions of a topic, as kafka-python names them.

    Raises:
        StartRefused: it does not exist.
    """
    from kafka import TopicPartition

    numbers = reader.partitions_for_topic(topic)
    if not numbers:
        raise StartRefused(f"topic {topic} does not exist, or Kafka hides it from us: `koc topics check` says which")
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def _found(record: Any, letter: DeadLetter) -> FoundLetter:
    return FoundLetter(letter, LogPosition(record.topic, record.partition, record.offset), record.timestamp * 1_000)


def _letter(key: bytes | None, value: bytes | None, every: Iterable[Header]) -> DeadLetter | None:
    """A dead letter from its record; None where our headers are missing or make no sense."""
    kept = tuple(every)
    said = {name: content.decode(errors="replace") for name, content in kept if content is not None}
    try:
        source = LogPosition(said[SOURCE_TOPIC], int(said[SOURCE_PARTITION]), int(said[SOURCE_OFFSET]))
        reason, detail = said[REASON], said[DETAIL]
    except (KeyError, ValueError):
        return None
    return DeadLetter(source, reason, detail, key, value, kept) if source.topic in BY_NAME else None
