"""Look through a log for a name: committed records only, as the services read it, up to where it ends now."""

import json
from collections.abc import Iterable, Iterator, Mapping

from services.runtime.kafka import kafka_python_options

_POLL_MS = 500
_POLL_RECORDS = 10_000


def records_naming(
    name: str, topic: str, partitions: Iterable[int], starts: Mapping[int, int] | None = None, since_ms: int = 0
) -> Iterator[tuple[int, int, bytes]]:
    """Partition, offset and value of every record that holds the name as a JSON string.

    Args:
        name: of an order, a buyer, …
        topic: where to look.
        partitions: of it.
        starts: first offset by partition; None = from the first record that is kept.
        since_ms: milliseconds since 1970; records that the broker received before it are passed over.
    """
    from kafka import KafkaConsumer, TopicPartition

    text = json.dumps(name).encode()
    consumer = KafkaConsumer(
        **kafka_python_options(), group_id=None, enable_auto_commit=False, isolation_level="read_committed"
    )
    try:
        places = [TopicPartition(topic, number) for number in partitions]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        kept = consumer.beginning_offsets(places)
        received = consumer.offsets_for_times(dict.fromkeys(places, since_ms)) if since_ms > 0 else {}
        for place in places:
            later = received.get(place, kept[place])
            from_time = ends[place] if later is None else getattr(later, "offset", later)
            consumer.seek(place, max(kept[place], starts[place.partition] if starts else 0, from_time))
        while any(consumer.position(place) < end for place, end in ends.items()):
            for place, records in consumer.poll(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS).items():
                for record in records:
                    if record.value is not None and text in record.value:
                        yield place.partition, record.offset, record.value
    finally:
        consumer.close()
