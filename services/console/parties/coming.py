"""What is pending for a party: ready, by when runs may settle it, and blocked; a bar a day, or a week of many days."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from services.console.parties.bars import BarRow, DrawnBar, drawn
from services.console.values import MoneyCell
from services.kernel.sentences import Sentence
from services.settlement.books.lookups.party_coming import PendingPart

MOST_BARS = 12
READY = "Ready for the next run"
NO_DATE = "No date yet"
BLOCKED = "Blocked"


class Coming(NamedTuple):
    """What is pending in one currency, minor units.

    Attributes:
        ready_minor: the next run may settle it.
        later: by day, those that are still to come.
        undated_minor: it has no day yet.
        blocked: no run settles these parts as things are.
    """

    currency: str
    ready_minor: int
    later: Mapping[date, int]
    undated_minor: int
    blocked: Sequence[PendingPart] = ()

    @property
    def next_day(self) -> date | None:
        """The first day on which more may be settled."""
        return min(self.later, default=None)

    @property
    def bars(self) -> list[DrawnBar]:
        """Ready, then the days, then what has none, then what is blocked."""
        blocked = sum(part.amount_minor for part in self.blocked)
        rows = [
            (READY, self.ready_minor, "good"), *_later(self.later), (NO_DATE, self.undated_minor, "soft"),
            (BLOCKED, blocked, "bad"),
        ]  # fmt: skip
        return drawn([BarRow(label, MoneyCell(amount, self.currency), tone) for label, amount, tone in rows if amount])


def coming_of(parts: Sequence[PendingPart], currency: str) -> Coming:
    """Of one currency."""
    own = [part for part in parts if part.currency == currency]
    free = [part for part in own if part.blocked is None]
    return Coming(
        currency,
        sum(part.amount_minor for part in free if part.is_due),
        {part.day: part.amount_minor for part in free if part.day is not None},
        sum(part.amount_minor for part in free if part.day is None and not part.is_due),
        [part for part in own if part.blocked is not None],
    )


def _later(later: Mapping[date, int]) -> list[tuple[str, int, str]]:
    """Days; weeks if there are too many; and all that comes after the last bar in one."""
    days = dict(sorted(later.items()))
    if len(days) <= MOST_BARS:
        return [(day.isoformat(), amount, "koc") for day, amount in days.items()]
    weeks = list(_weeks(days).items())
    some, rest = weeks[:MOST_BARS], weeks[MOST_BARS:]
    rows = [(Sentence("Week of {day}", day=day.isoformat()), amount, "koc") for day, amount in some]
    after = sum(amount for _, amount in rest)
    return [*rows, (Sentence("From {day} on", day=rest[0][0].isoformat()), after, "koc")] if rest else list(rows)


def _weeks(amounts: Mapping[date, int]) -> dict[date, int]:
    """Sums by the Monday of each week."""
    weeks: dict[date, int] = {}
    for day, amount in amounts.items():
        monday = day - timedelta(days=day.weekday())
        weeks[monday] = weeks.get(monday, 0) + amount
    return weeks
