"""What an audit finds: how much it checked, each difference with its place, and what it could not check."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

KEPT = 1_000
"""So many differences are named; all are counted."""


class AuditDifference(NamedTuple):
    """One thing that is not as the topics say it must be.

    Args:
        check: which rule is broken, a fixed word.
        where: the entry, line, run, party or account.
        expected: by the other topics.
        found: in the topic.
    """

    check: str
    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.check}: {self.where}: expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class AuditReport:
    """The result.

    Attributes:
        checked: what was compared, and how much of it.
        differences: the first of them; `found` counts them by check.
        notes: sentences on what could not be checked, and why.
    """

    checked: Counter[str] = field(default_factory=Counter)
    differences: list[AuditDifference] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether all that was checked agrees."""
        return not self.found

    def differ(self, check: str, where: str, expected: object, found: object) -> None:
        """Note a difference."""
        self.found[check] += 1
        if len(self.differences) < KEPT:
            self.differences.append(AuditDifference(check, where, str(expected), str(found)))

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "clean": self.is_clean,
            "checked": dict(self.checked),
            "found": dict(self.found),
            "differences": [one._asdict() for one in self.differences],
            "notes": self.notes,
        }

    def page(self) -> str:
        """For a person: differences, notes, and the verdict last."""
        total = self.found.total()
        more = [f"and {total - KEPT:,} more differences"] if total > KEPT else []
        checked = ", ".join(f"{count:,} {what}" for what, count in self.checked.items())
        verdict = f"the topics do not agree: {total:,} difference{'' if total == 1 else 's'}"
        return "\n".join(
            [
                *map(str, self.differences), *more, *(f"note: {note}" for note in self.notes), f"checked {checked}",
                "the topics agree" if self.is_clean else verdict,
            ]
        )  # fmt: skip
