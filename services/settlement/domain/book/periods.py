"""Accounting periods: the month an entry belongs to, never one that is closed."""

from functools import lru_cache

from services.kernel.time import DAY, MINUTE, month_of, parse_rfc3339


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


def month_after(month: str) -> str:
    """The calendar month after YYYY-MM."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


@lru_cache(maxsize=10_000)
def _month_of_day(day: int) -> str:
    """The month of a local day, counted from 1970-01-01."""
    return month_of(day * DAY, 0)
