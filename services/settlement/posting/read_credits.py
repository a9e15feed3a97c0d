"""Fetched records as a batch of assertions; what cannot be booked ends it, so that all before it still is."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.topics import CREDITS
from services.kernel.errors import Refused
from services.runtime import tracing
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
        self._carriers: dict[tuple[int, int], tracing.Carrier] = {}

    def add(self, partition: int, records: Sequence[Any]) -> None:
        """Decode records of a partition, in offset order."""
        if partition in self._ends:
            return
        self._carriers |= tracing.carriers(((partition, record.offset), record.headers) for record in records)
        for record in records:
            raw = record.value
            try:
                assertion = decode_assertion(raw)
            except Refused as refused:
                self._ends[partition] = record.offset
                self.poison = _explain_poison(partition, record.offset, refused)
                return
            self._incoming.append(IncomingAssertion(partition, record.offset, raw, assertion))

    def batch(self, ranges: Mapping[int, tuple[int, int]]) -> Batch:
        """What was read of these partitions, without what stands behind a record that is none."""
        batch = Batch(ranges, self._incoming, self._carriers)
        for partition, offset in self._ends.items():
            batch = batch.before(partition, offset)
        return batch


def _explain_poison(partition: int, offset: int, refused: Refused) -> str:
    """What a person is told of a record that is no credit assertion, and the way out."""
    return (
        f"{CREDITS.name}-{partition} holds at offset {offset} what is no credit assertion ({refused}):"
        " nothing more is posted from this partition. Find out who wrote it; docs/runbook.md says under"
        " 'The poster stopped on a poison credit' how to go on behind it"
    )


def explain_conflict(conflict: ContentConflict) -> str:
    """What a person is told of two truths under one vector, and the way out."""
    partition, offset = conflict.place or (None, None)
    return (
        f"{conflict} (the second in partition {partition} at offset {offset}): nothing more is posted from there;"
        f" look at it with `koc explain {conflict.key[0]}`, which names the buyer, and"
        f" `koc settlement quarantine {'/'.join(conflict.key[:2])}/BUYER --reason WHY` freezes it at what is booked"
    )
