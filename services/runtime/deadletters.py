"""Dead letters: refused events as they came, with headers that say why and where they stood; and sending them again.

A refusal's identity is its source position: a rebuild may refuse the same record again, and it is still one refusal.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from schemas.topics import BY_NAME, INPUTS
from services.kernel.errors import StartRefused
from services.runtime.kafka import kafka_python_options
from services.runtime.publishing import Header, Outgoing, reach_broker

REASON = "reason"
DETAIL = "detail"
SOURCE_TOPIC = "source_topic"
SOURCE_PARTITION = "source_partition"
SOURCE_OFFSET = "source_offset"
OURS = frozenset({REASON, DETAIL, SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET})
REROUTED = "koc_rerouted"
"""The header of an event that was published again with its right key."""
_DETAIL_BYTES = 500
_POLL_MS = 500
_POLL_RECORDS = 10_000


class Position(NamedTuple):
    """Where a record stood in its source topic; written TOPIC/PARTITION/OFFSET."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Refusal(NamedTuple):
    """A refused record: where it stood, why it was refused, and all that it was."""

    source: Position
    reason: str
    detail: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    def again(self) -> Outgoing:
        """The record for its source topic, as it first came: without our headers, where its key belongs.

        The mark of an earlier rerouting goes too, so that the event gets another try. A record without a key goes
        to the partition that it came from.
        """
        original = tuple(header for header in self.headers if header[0] not in OURS | {REROUTED})
        partition = self.source.partition if self.key is None else None
        return Outgoing(self.source.topic, self.key, self.value, partition, original)


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


def parse_position(text: str) -> Position:
    """A source position from TOPIC/PARTITION/OFFSET.

    Raises:
        ValueError: it is none, or names no input topic.
    """
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if topic not in {known.name for known in INPUTS} or not (partition.isdecimal() and offset.isdecimal()):
        raise ValueError(f"{text!r} is not TOPIC/PARTITION/OFFSET of an input topic")
    return Position(topic, int(partition), int(offset))


def select(topic: str | None = None, reasons: Iterable[str] = (), positions: Iterable[Position] = ()) -> list[Refusal]:
    """What was refused, each source position once (as it was first refused), in the order of the positions.

    Args:
        topic: only of this source topic.
        reasons: only for one of these; none = for any.
        positions: only at one of these; none = anywhere.

    Raises:
        ConnectionError: no broker answers.
        StartRefused: a dead-letter topic does not exist.
    """
    reach_broker()
    wanted, places = set(reasons), set(positions)
    found: dict[Position, Refusal] = {}
    for source in INPUTS:
        if topic not in (None, source.name):
            continue
        for refusal in _read(source.dlq):
            if (not wanted or refusal.reason in wanted) and (not places or refusal.source in places):
                found.setdefault(refusal.source, refusal)
    return [found[source] for source in sorted(found)]


def replay(refusals: Iterable[Refusal], publish: Callable[[list[Outgoing]], dict[str, int]]) -> dict[str, int]:
    """Publish refused records again to their source topics, in their old order; returns how many by topic."""
    return publish([refusal.again() for refusal in sorted(refusals, key=lambda one: one.source)])


def _read(dead_letter_topic: str) -> Iterator[Refusal]:
    """Every dead letter up to the present ends; records of others, without our headers, are none."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(**kafka_python_options(), group_id=None, enable_auto_commit=False)
    try:
        numbers = consumer.partitions_for_topic(dead_letter_topic)
        if not numbers:
            raise StartRefused(f"topic {dead_letter_topic} does not exist; run `koc topics apply`")
        places = [TopicPartition(dead_letter_topic, number) for number in sorted(numbers)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < end for place, end in ends.items()):
            for records in consumer.poll(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS).values():
                for record in records:
                    refusal = _refusal(record.key, record.value, record.headers or ())
                    if refusal is not None:
                        yield refusal
    finally:
        consumer.close()


def _refusal(key: bytes | None, value: bytes | None, every: Iterable[Header]) -> Refusal | None:
    """A dead letter from its record; None where our headers are missing or make no sense."""
    kept = tuple(every)
    said = {name: content.decode(errors="replace") for name, content in kept if content is not None}
    try:
        source = Position(said[SOURCE_TOPIC], int(said[SOURCE_PARTITION]), int(said[SOURCE_OFFSET]))
        reason, detail = said[REASON], said[DETAIL]
    except (KeyError, ValueError):
        return None
    return Refusal(source, reason, detail, key, value, kept) if source.topic in BY_NAME else None
