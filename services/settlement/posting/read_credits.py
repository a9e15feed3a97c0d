"""Fetched records as a batch of assertions; what cannot be booked ends it, so that all before it still is."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.kernel.errors import Refused
from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.ports import Batch, IncomingAssertion
from services.settlement.domain.lines.line import ContentConflict


class CreditReader:
    """Decodes records as they come, in each partition up to the first that is no credit assertion.

    Attribution publishes none that is not, so a person has to look: `poison` is the sentence for them.
    """

    def __init__(self) -> None:
        self.poison: str | None = None
        self._incoming: list[IncomingAssertion] = []
        self._ends: dict[int, int] = {}

    def add(self, records: Iterable[Any]) -> None:
        """Decode records, in offset order within each partition."""
        for record in records:
            if record.partition in self._ends:
                continue
            try:
                assertion = decode_assertion(record.value)
            except Refused as refused:
                self._ends[record.partition] = record.offset
                self.poison = _explain_poison(record, refused)
            else:
                self._incoming.append(IncomingAssertion(record.partition, record.offset, record.value, assertion))

    def batch(self, ranges: Mapping[int, tuple[int, int]]) -> Batch:
        """What was read of these partitions, without what stands behind a record that is none."""
        batch = Batch(ranges, self._incoming)
        for partition, offset in self._ends.items():
            batch = batch.before(partition, offset)
        return batch


def _explain_poison(record: Any, refused: Refused) -> str:
    """What a person is told of a record that is no credit assertion, and the way out."""
    return (
        f"{record.topic}-{record.partition} holds at offset {record.offset} what is no credit assertion ({refused}):"
        " nothing more is posted from this partition. Find out who wrote it; docs/operations.md says under"
        " 'The poster stopped on a poison credit' how to go on behind it"
    )


def explain_conflict(conflict: ContentConflict) -> str:
    """What a person is told of two truths under one vector, and the way out."""
    partition, offset = conflict.place or (None, None)
    return (
        f"{conflict} (the second in partition {partition} at offset {offset}): nothing more is posted from there;"
        f" look at it with `koc explain {conflict.key[0]}`, and"
        f" `koc settlement quarantine {'/'.join(conflict.key)}` freezes it at what is booked"
    )
