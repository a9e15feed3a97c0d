"""Look through a log for a name: committed records only, as the services read it, up to where it ends now."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.runtime.kafka import kafka_python_options, no_broker

_POLL_MS = 500
_POLL_RECORDS = 10_000
_SILENCE_SECONDS = 10.0
"""After this time a broker that sends nothing of what it has counts as gone."""


class LogStretch(NamedTuple):
    """A part of one partition.

    Attributes:
        first: offset of its first record.
        end: offset after its last record; None = where the log ends now.
        received_ms: milliseconds since 1970; records that the broker received before it are passed over.
    """

    partition: int
    first: int = 0
    end: int | None = None
    received_ms: int = 0


def records_naming(name: str, topic: str, stretches: Sequence[LogStretch]) -> Iterator[tuple[int, int, bytes]]:
    """Partition, offset and value of every record that holds the name as a JSON string.

    Args:
        name: of an order, a buyer, …
        topic: where to look.
        stretches: one for each partition to look through.

    Raises:
        ConnectionError: no broker answers.
    """
    from kafka import KafkaConsumer
    from kafka.errors import KafkaError

    text = json.dumps(name).encode()
    try:
        consumer = KafkaConsumer(
            **kafka_python_options(), group_id=None, enable_auto_commit=False, isolation_level="read_committed"
        )
    except KafkaError as error:
        raise no_broker(error) from error
    try:
        for record in _records(consumer, _assign(consumer, topic, stretches)):
            if record.value is not None and text in record.value:
                yield record.partition, record.offset, record.value
    except KafkaError as error:
        raise ConnectionError(f"topic {topic} cannot be read: {error}") from error
    finally:
        consumer.close()


def _records(consumer: Any, ends: Mapping[Any, int]) -> Iterator[Any]:
    """Every record from where the consumer stands to these ends."""
    heard = time.monotonic()
    while any(consumer.position(place) < end for place, end in ends.items()):
        fetched = consumer.poll(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
        for place, records in fetched.items():
            yield from (record for record in records if record.offset < ends[place])
        if fetched:
            heard = time.monotonic()
        elif time.monotonic() - heard > _SILENCE_SECONDS:
            raise ConnectionError("the Kafka broker sends nothing more")


def _assign(consumer: Any, topic: str, stretches: Sequence[LogStretch]) -> dict[Any, int]:
    """Put the consumer where each stretch begins; returns where each ends."""
    from kafka import TopicPartition

    by_place = {TopicPartition(topic, stretch.partition): stretch for stretch in stretches}
    consumer.assign(list(by_place))
    log_ends = consumer.end_offsets(by_place)
    kept = consumer.beginning_offsets(by_place)
    times = {place: stretch.received_ms for place, stretch in by_place.items() if stretch.received_ms > 0}
    received = consumer.offsets_for_times(times) if times else {}
    ends = {}
    for place, stretch in by_place.items():
        log_end = log_ends[place]
        later = received.get(place, kept[place])
        from_time = log_end if later is None else getattr(later, "offset", later)
        consumer.seek(place, max(kept[place], stretch.first, from_time))
        ends[place] = log_end if stretch.end is None else min(stretch.end, log_end)
    return ends
