"""Look through a log for a name: committed records only, as the services read it, up to where it ends now."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from services.runtime import log_offsets
from services.runtime.kafka import log_reader
from services.runtime.log_records import records_to_ends


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
        ConnectionError: no broker answers, or none leads one of the partitions.
    """
    text = json.dumps(name).encode()
    with log_reader(isolation_level="read_committed") as reader:
        for record in records_to_ends(reader, _assign(reader, topic, stretches)):
            if record.value is not None and text in record.value:
                yield record.partition, record.offset, record.value


def _assign(reader: Any, topic: str, stretches: Sequence[LogStretch]) -> dict[Any, int]:
    """Put the reader where each stretch begins; returns where each ends."""
    from kafka import TopicPartition

    by_place = {TopicPartition(topic, stretch.partition): stretch for stretch in stretches}
    reader.assign(list(by_place))
    log_ends = log_offsets.ends(reader, by_place)
    kept = log_offsets.beginnings(reader, by_place)
    times = {place: stretch.received_ms for place, stretch in by_place.items() if stretch.received_ms > 0}
    received = log_offsets.first_since(reader, times)
    ends = {}
    for place, stretch in by_place.items():
        log_end = log_ends[place]
        later = received.get(place, kept[place])
        from_time = log_end if later is None else later
        reader.seek(place, max(kept[place], stretch.first, from_time))
        ends[place] = log_end if stretch.end is None else min(stretch.end, log_end)
    return ends
