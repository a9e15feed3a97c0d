"""Accounting periods: the month an entry belongs to, never one that is closed; which month closes or opens next."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from services.kernel.errors import InputRefused
from services.kernel.time import DAY, MINUTE, format_to_second, month_of, parse_rfc3339

_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])", re.ASCII)


class PeriodClose(NamedTuple):
    """A close of a month as stored. Times are microseconds.

    Attributes:
        revision: 1 for the first close of the month; each reopening adds one.
        cut: by writer, the number of its last row that counts.
        offsets: by partition, the next offset of the credits then.
        previous_seal: the seal of the close before this one, of whatever month; zeros for the first of all.
        command: id of the command that closed it.
        root: over its statements; None = they are still to be made.
        reopened_by: the login that approved the reopening; None = the close stands.
    """

    period: str
    revision: int
    cut: Sequence[int]
    offsets: Sequence[int]
    previous_seal: bytes
    seal: bytes
    command: str
    closed_by: str
    closed_at: int
    root: bytes | None = None
    reopened_by: str | None = None
    reopened_at: int | None = None

    @property
    def name(self) -> str:
        """For a person: `2026-06 revision 1`."""
        return f"{self.period} revision {self.revision}"

    @property
    def stands(self) -> bool:
        """Whether nobody has reopened the month since."""
        return self.reopened_at is None


class KnownMonth(NamedTuple):
    """A month as it was known: its rows up to a cut, or those recorded by a moment (microseconds); None = all."""

    period: str
    cut: Sequence[int] | None = None
    recorded_by: int | None = None


class ClosedMonths(NamedTuple):
    """Which months were closed: the newest that ever was, and the oldest of those that are open again; None = none."""

    newest: str | None
    reopened: str | None

    @property
    def oldest_open(self) -> str | None:
        """The first month that takes entries; None = every month does, because none was ever closed."""
        return self.reopened or (None if self.newest is None else month_after(self.newest))


def period_of(effective_at: int, zone_minutes: int, oldest_open: str | None) -> str:
    """The later of the month of `effective_at` in the settlement zone and the oldest open period, as YYYY-MM.

    Args:
        effective_at: microseconds.
        zone_minutes: the settlement zone, minutes east of UTC.
        oldest_open: None as long as no period was ever closed.
    """
    month = _month_of_day((effective_at + zone_minutes * MINUTE) // DAY)
    return month if oldest_open is None else max(month, oldest_open)


def year_start(moment: int, zone_minutes: int) -> int:
    """When the calendar year of a moment began in the settlement zone; both are microseconds."""
    year = period_of(moment, zone_minutes, None)[:4]
    return parse_rfc3339(f"{year}-01-01T00:00:00Z") - zone_minutes * MINUTE


def read_month(text: str) -> str:
    """A month as a person writes it.

    Raises:
        InputRefused: it is none.
    """
    if not _MONTH.fullmatch(text):
        raise InputRefused(f"{text!r} is no month: write it as 2026-11")
    return text


def month_after(month: str) -> str:
    """The calendar month after YYYY-MM."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def month_before(month: str) -> str:
    """The calendar month before YYYY-MM."""
    return _month_of_day(parse_rfc3339(f"{month}-01T00:00:00Z") // DAY - 1)


def month_end(month: str, zone_minutes: int) -> int:
    """The moment at which a month ends in the settlement zone, microseconds."""
    return parse_rfc3339(f"{month_after(month)}-01T00:00:00Z") - zone_minutes * MINUTE


def check_close(period: str, months: ClosedMonths, earliest_booked: str | None, now: int, zone_minutes: int) -> None:
    """Months close in order, each after its end; the first one is the earliest of the journal.

    Args:
        period: the month to close.
        months: which ones were closed.
        earliest_booked: the earliest month of the journal; it counts where none was ever closed.
        now: microseconds.
        zone_minutes: the settlement zone, minutes east of UTC.

    Raises:
        InputRefused: another month is next, or this one has not ended.
    """
    following = months.oldest_open or earliest_booked
    if following is None:
        raise InputRefused("the journal is empty: there is no month to close")
    if period < following and months.oldest_open is not None:
        raise InputRefused(f"{period} is closed, or before all books: the month to close next is {following}")
    if period != following:
        raise InputRefused(f"months are closed in order: the month to close next is {following}")
    if now < month_end(period, zone_minutes):
        end = format_to_second(month_end(period, zone_minutes))
        raise InputRefused(f"{period} has not ended: it can be closed from {end} on")


def check_reopening(period: str, standing: PeriodClose | None) -> PeriodClose:
    """Only the newest close that stands may be undone; returns it.

    Args:
        period: the month to reopen.
        standing: the newest close that stands; None = no month is closed.

    Raises:
        InputRefused: it is of another month.
    """
    if standing is None:
        raise InputRefused(f"{period} is open: no month is closed")
    if period > standing.period:
        raise InputRefused(f"{period} is open: the last closed month is {standing.period}")
    if period < standing.period:
        raise InputRefused(f"only the last closed month can be reopened: {standing.period}, then the one before it")
    return standing


def known_month(
    period: str, closes: Iterable[PeriodClose], revision: int | None, as_known_at: int | None
) -> KnownMonth:
    """Which rows of a month were known: at a revision, at a moment, or now.

    A month that was closed then is known by the cut of that close. A month that was open is known by what was recorded
    by then: also one that was closed before and reopened.

    Args:
        period: YYYY-MM.
        closes: of all months, in the order in which they were made.
        revision: the close with this number; None = whichever stood.
        as_known_at: microseconds; None = now.

    Raises:
        InputRefused: there is no such revision.
    """
    own = [close for close in closes if close.period == period]
    if revision is not None:
        found = [close for close in own if close.revision == revision]
        if not found:
            has = f"it has {len(own)}" if own else "it was never closed"
            raise InputRefused(f"{period} has no revision {revision}: {has}")
    elif as_known_at is None:
        found = [close for close in own if close.stands]
    else:
        by_then = [close for close in own if close.closed_at <= as_known_at]
        found = [close for close in by_then if close.reopened_at is None or close.reopened_at > as_known_at]
    return KnownMonth(period, found[-1].cut) if found else KnownMonth(period, None, as_known_at)


@lru_cache(maxsize=10_000)
def _month_of_day(day: int) -> str:
    """The month of a local day, counted from 1970-01-01."""
    return month_of(day * DAY, 0)
