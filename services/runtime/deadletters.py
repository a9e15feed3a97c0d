"""Dead-letter records: the refused event as it came, with headers that say why and where it stood."""

from collections.abc import Iterable

REASON = "reason"
DETAIL = "detail"
SOURCE_TOPIC = "source_topic"
SOURCE_PARTITION = "source_partition"
SOURCE_OFFSET = "source_offset"
OURS = frozenset({REASON, DETAIL, SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET})
_DETAIL_BYTES = 500


def headers(
    reason: str, detail: str, topic: str, partition: int, offset: int, original: Iterable[tuple[str, bytes]] = ()
) -> list[tuple[str, bytes]]:
    """The headers of a dead-letter record: the original's, then ours (which replace those of an earlier refusal).

    Args:
        reason: a word of schemas.reasons.
        detail: one line for a person.
        topic: the source topic, with `partition` and `offset` the refusal's identity.
        original: the refused record's own headers.
    """
    return [(name, value) for name, value in original if name not in OURS] + [
        (REASON, reason.encode()),
        (DETAIL, detail.encode()[:_DETAIL_BYTES]),
        (SOURCE_TOPIC, topic.encode()),
        (SOURCE_PARTITION, str(partition).encode()),
        (SOURCE_OFFSET, str(offset).encode()),
    ]
