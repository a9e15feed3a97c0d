"""What only shows when the relations of a KOC are seen together: parties that a later relation leaves out.

A relation.set replaces all parties of its KOC from its effective_from on, also the roles that it does not name.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import NamedTuple

from schemas.findings import Concern, Finding
from schemas.plans import RelationSet


class _Stated(NamedTuple):
    """A relation and where it stands."""

    where: str
    relation: RelationSet


class Relations:
    """The relations of a sample, in the order of the sample: of those with one identity the last one stands."""

    def __init__(self) -> None:
        self._by_koc: dict[str, dict[str, list[_Stated]]] = {}

    def add(self, where: str, relation: RelationSet) -> None:
        """Take in one relation."""
        same = self._by_koc.setdefault(relation.koc_id, {}).setdefault(relation.identity, [])
        same.append(_Stated(where, relation))

    def end(self) -> Iterator[Finding]:
        """A warning for every relation that leaves out parties whom the KOC had until then."""
        for identities in self._by_koc.values():
            standing = sorted((same[-1] for same in identities.values()), key=lambda one: one.relation.effective_from)
            for index, stated in enumerate(standing):
                replaced = identities[stated.relation.identity][:-1]
                for before in (_in_force(stated, standing[:index]), _in_force(stated, replaced)):
                    if before and (lost := before.relation.parties.keys() - stated.relation.parties.keys()):
                        yield _dropped(stated, before, lost)
                        break


def _in_force(stated: _Stated, others: list[_Stated]) -> _Stated | None:
    """The last of the others that has not ended when the relation begins."""
    since = stated.relation.effective_from
    lasting = [one for one in others if (until := one.relation.effective_to) is None or since < until]
    return lasting[-1] if lasting else None


def _dropped(stated: _Stated, before: _Stated, lost: Iterable[str]) -> Finding:
    since = stated.relation.effective_from.astimezone(UTC).isoformat().replace("+00:00", "Z")
    roles = ", ".join(f"{role} {before.relation.parties[role]}" for role in sorted(lost))
    told = (
        f"parties: from {since} on KOC {stated.relation.koc_id} is without {roles} (set at {before.where}), because "
        "relation.set replaces all parties: name those who stay"
    )
    return Finding(stated.where, Concern.DROPPED_PARTIES, "parties", told, warning=True)
