"""Who fills which role for a KOC, by paid time: its agency, its recruiter, and roles that only plans know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.settlement.domain.book.chart import OURSELVES

NOBODY: Mapping[str, str] = {}
_NONE: Mapping[int, "Relation"] = {}


@dataclass(frozen=True, slots=True)
class Relation:
    """`parties`: role -> party id, in force for orders paid in [effective_from, effective_to)."""

    koc_id: str
    parties: Mapping[str, str]
    effective_from: int
    effective_to: int | None = None

    def covers(self, paid_at: int) -> bool:
        """Whether an order paid then falls into its time."""
        return self.effective_from <= paid_at and (self.effective_to is None or paid_at < self.effective_to)


class Relations:
    """All relations; of overlapping ones the one with the greatest effective_from stands."""

    def __init__(self, relations: Iterable[Relation] = ()) -> None:
        self._by_koc: dict[str, dict[int, Relation]] = {}
        self.put(relations)

    def put(self, relations: Iterable[Relation]) -> None:
        """Add relations; one of the same KOC and effective_from takes the old one's place."""
        for relation in relations:
            self._by_koc.setdefault(relation.koc_id, {})[relation.effective_from] = relation

    def get(self, koc_id: str, effective_from: int) -> Relation | None:
        """The relation as it stands."""
        return self._by_koc.get(koc_id, {}).get(effective_from)

    def parties(self, koc_id: str, paid_at: int) -> Mapping[str, str]:
        """Role -> party id of a KOC for an order paid at that time; `platform` is never among them."""
        standing: Relation | None = None
        for relation in self._by_koc.get(koc_id, _NONE).values():
            if relation.covers(paid_at) and (standing is None or relation.effective_from > standing.effective_from):
                standing = relation
        return NOBODY if standing is None else standing.parties


def fills(role: str, koc_id: str, parties: Mapping[str, str]) -> str | None:
    """Who fills a role in a split: ourselves, the KOC, or the relation's party; None = nobody."""
    if role == OURSELVES:
        return OURSELVES
    return koc_id if role == "koc" else parties.get(role)
