"""Event time as integers: microseconds since 1970-01-01T00:00:00Z, the only unit of time in the domains.

RFC 3339 text enters and leaves at the edges. No wall clock here.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
RFC3339_PATTERN = (
    r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_RFC3339 = re.compile(RFC3339_PATTERN.removesuffix("$") + r"\Z", re.ASCII)


def parse_rfc3339(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time with an offset, at most microseconds fine.

    Raises:
        ValueError: not such a time (also: a day that its month does not have, a leap second).
    """
    if _RFC3339.match(text) is None:
        raise ValueError(f"not an RFC 3339 time with an offset: {text[:40]!r}")
    return to_micros(datetime.fromisoformat(text))


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(micros: int) -> datetime:
    """The aware UTC datetime of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=micros)


@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    """`YYYY-MM-DD` of a day since the epoch; events come in few days, so it is nearly always known."""
    return date.fromordinal(_EPOCH_ORDINAL + day).isoformat()


@lru_cache(maxsize=86_400)
def _clock_text(second: int) -> str:
    """`HH:MM:SS` of a second of the day."""
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def format_rfc3339(micros: int) -> str:
    """The one canonical text of a time: UTC, Z, a fraction only where there is one, no trailing zeros in it.

    Raises:
        ValueError: a year before 1 or after 9999.
    """
    seconds, fraction = divmod(micros, SECOND)
    day, second = divmod(seconds, 86_400)
    text = f"{_day_text(day)}T{_clock_text(second)}"
    return f"{text}.{fraction:06d}".rstrip("0") + "Z" if fraction else f"{text}Z"


def month_of(micros: int, offset_minutes: int) -> str:
    """The calendar month `YYYY-MM` of a time, in a zone that is this many minutes east of UTC."""
    zone = timezone(timedelta(minutes=offset_minutes))
    return to_datetime(micros).astimezone(zone).strftime("%Y-%m")
