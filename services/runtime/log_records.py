"""All records of some partitions up to where they end now, one by one."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

_POLL_MS = 500
_POLL_RECORDS = 10_000
_SILENCE_SECONDS = 10.0
"""After this time a broker that sends nothing of what it has counts as gone."""


def records_to_ends(reader: Any, ends: Mapping[Any, int]) -> Iterator[Any]:
    """Every record from where the reader stands to these ends.

    Args:
        reader: of `kafka.log_reader`, with these partitions assigned and sought.
        ends: kafka-python's TopicPartition -> the offset after its last record.

    Raises:
        ConnectionError: the broker sends nothing more.
    """
    heard = time.monotonic()
    while any(reader.position(place) < end for place, end in ends.items()):
        fetched = reader.poll(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
        for place, records in fetched.items():
            yield from (record for record in records if record.offset < ends[place])
        if fetched:
            heard = time.monotonic()
        elif time.monotonic() - heard > _SILENCE_SECONDS:
            topics = ", ".join(sorted({place.topic for place in ends}))
            raise ConnectionError(f"the Kafka broker has more records of {topics} than it sends")
