"""What is pending for a party, by when runs may settle it: one bar a day, or a week where there are many days."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from services.console.parties.bars import BarRow, DrawnBar, drawn
from services.console.values import MoneyCell
from services.kernel.sentences import Sentence
from services.settlement.books.lookups.party_lines import ComingDay

MOST_BARS = 12
READY = "Ready for the next run"
NO_DATE = "No date yet"


class Coming(NamedTuple):
    """What is pending in one currency, minor units.

    Attributes:
        ready_minor: the next run may settle it.
        later: by day, those that are still to come.
        undated_minor: it has no day yet.
    """

    currency: str
    ready_minor: int
    later: Mapping[date, int]
    undated_minor: int

    @property
    def next_day(self) -> date | None:
        """The first day on which more may be settled."""
        return min(self.later, default=None)

    @property
    def bars(self) -> list[DrawnBar]:
        """Ready, then the days, then what has none."""
        rows = [(READY, self.ready_minor, "good"), *_later(self.later), (NO_DATE, self.undated_minor, "soft")]
        return drawn([BarRow(label, MoneyCell(amount, self.currency), tone) for label, amount, tone in rows if amount])


def coming_of(days: Sequence[ComingDay], currency: str, today: date) -> Coming:
    """Of one currency. `today` is a day of the settlement zone, as those of `days` are."""
    own = [day for day in days if day.currency == currency]
    return Coming(
        currency,
        sum(day.amount_minor for day in own if day.day is not None and day.day <= today),
        {day.day: day.amount_minor for day in own if day.day is not None and day.day > today},
        sum(day.amount_minor for day in own if day.day is None),
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
