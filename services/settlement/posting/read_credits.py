"""Fetched records as a batch of assertions; what cannot be booked ends it, so that all before it still is."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.kernel.errors import Refused
from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.ports import Batch, IncomingAssertion
from services.settlement.domain.lines.line import ContentConflict


def read_batch(ranges: Mapping[int, tuple[int, int]], records: Iterable[Any]) -> tuple[Batch, str | None]:
    """Decode records, in each partition up to the first that is no credit assertion.

    Attribution publishes none that is not, so a person has to look: the second value is the sentence for them.
    """
    incoming: list[IncomingAssertion] = []
    ends: dict[int, int] = {}
    poison = None
    for record in records:
        if record.partition in ends:
            continue
        try:
            assertion = decode_assertion(record.value)
        except Refused as refused:
            ends[record.partition] = record.offset
            poison = (
                f"{record.topic}-{record.partition} holds at offset {record.offset} what is no credit assertion"
                f" ({refused}): find out who wrote it; nothing more is posted from this partition"
            )
        else:
            incoming.append(IncomingAssertion(record.partition, record.offset, record.value, assertion))
    batch = Batch(ranges, incoming)
    for partition, offset in ends.items():
        batch = batch.before(partition, offset)
    return batch, poison


def explain_conflict(conflict: ContentConflict) -> str:
    """What a person is told of two truths under one vector, and the way out."""
    partition, offset = conflict.place or (None, None)
    return (
        f"{conflict} (the second in partition {partition} at offset {offset}): nothing more is posted from there;"
        f" look at it with `koc explain {conflict.key[0]}`, and"
        f" `koc settlement quarantine {'/'.join(conflict.key)}` freezes it at what is booked"
    )
