"""The effects of a chunk while it is applied, and its outcome."""

from dataclasses import dataclass, field
from typing import NamedTuple

from services.attribution.apply.ports import Changes, Source
from services.attribution.apply.publishing import Publication, publication
from services.attribution.apply.records import RefusedRecord
from services.attribution.apply.shard import Shard
from services.kernel.errors import Refused


class ChunkOutcome(NamedTuple):
    """The work that is left after a chunk was applied: count, refuse, publish."""

    duplicates: int
    refusals: list[RefusedRecord]
    publication: Publication


@dataclass(slots=True)
class Effects:
    """The effects of a chunk so far."""

    duplicates: int = 0
    refusals: list[RefusedRecord] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def refuse(self, source: Source, refused: Refused) -> None:
        """Note a refused event."""
        self.refusals.append(RefusedRecord(source, refused.reason, refused.detail))

    def conclude(self, shard: Shard) -> ChunkOutcome:
        """Hand the changes to the state, and decide what is published."""
        shard.buyers.note(self.changes)
        return ChunkOutcome(self.duplicates, self.refusals, publication(shard, self.changes.orders))
