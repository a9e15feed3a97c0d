"""What a rebuild finds: what it read and replayed, both digests, and each difference between the two books."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from services.settlement.export.digest import Digest

RebuildProgress = Callable[[str], None]
"""Told in words what is done, a line at a time."""

KEPT = 1_000
"""So many differences are named; all are counted."""


class RebuildDifference(NamedTuple):
    """One thing that the books have and the rebuilt books have otherwise.

    Args:
        check: a fixed word.
        where: the account, position, run or command.
        books: what the books say.
        rebuilt: what came of the topics.
    """

    check: str
    where: str
    books: str
    rebuilt: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.check}: {self.where}: the books have {self.books}, rebuilt {self.rebuilt}"


@dataclass(slots=True)
class RebuildReport:
    """The result.

    Attributes:
        database: the scratch database.
        replayed: how much was read, carried out and compared.
        digests: of the books, and of the rebuilt books.
        found: differences by check; the first of them are in `differences`.
        notes: sentences on what could not be repeated.
    """

    database: str
    replayed: Counter[str] = field(default_factory=Counter)
    digests: tuple[Digest, Digest] | None = None
    differences: list[RebuildDifference] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether both books agree."""
        return not self.found

    def differ(self, check: str, where: str, books: object, rebuilt: object) -> None:
        """Note a difference."""
        self.found[check] += 1
        if len(self.differences) < KEPT:
            self.differences.append(RebuildDifference(check, where, str(books), str(rebuilt)))

    def body(self) -> dict[str, Any]:
        """As JSON."""
        books, rebuilt = self.digests or (None, None)
        return {
            "clean": self.is_clean,
            "database": self.database,
            "seconds": round(self.seconds, 3),
            "replayed": dict(self.replayed),
            "books": None if books is None else books._asdict(),
            "rebuilt": None if rebuilt is None else rebuilt._asdict(),
            "found": dict(self.found),
            "differences": [one._asdict() for one in self.differences],
            "notes": self.notes,
        }

    def page(self) -> str:
        """For a person: differences, notes, counts, and the verdict last."""
        total = self.found.total()
        more = [f"and {total - KEPT:,} more differences"] if total > KEPT else []
        counts = ", ".join(f"{count:,} {what}" for what, count in self.replayed.items())
        verdict = f"the rebuilt books differ: {total:,} difference{'' if total == 1 else 's'}"
        same = "" if self.digests is None else f": digest {self.digests[0].sha256}"
        return "\n".join(
            [
                *map(str, self.differences), *more, *(f"note: {note}" for note in self.notes),
                f"replayed {counts} in {self.seconds:,.1f} s",
                f"the rebuilt books are the same{same}" if self.is_clean else verdict,
            ]
        )  # fmt: skip
