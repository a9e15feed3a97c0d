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
_DAY_LENGTH, _CLOCK_END = len("2026-11-01T"), len("2026-11-01T08:00:00")


def parse_rfc3339(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time with an offset, at most microseconds fine.

    Events come in few days, seconds and zones, so each of the three parts is nearly always known.

    Raises:
        ValueError: not such a time (also: a day that its month does not have, a leap second).
    """
    end = text[_CLOCK_END:]
    try:
        whole = _day_micros(text[:_DAY_LENGTH]) + _clock_micros(text[_DAY_LENGTH:_CLOCK_END])
        return whole if end == "Z" else whole + _end_micros(end)
    except ValueError:
        raise ValueError(f"not an RFC 3339 time with an offset: {text[:40]!r}") from None


@lru_cache(maxsize=4096)
def _day_micros(text: str) -> int:
    """Microseconds since the epoch of `YYYY-MM-DDT`."""
    return _checked(f"{text}00:00:00Z")


@lru_cache(maxsize=86_400)
def _clock_micros(text: str) -> int:
    """Microseconds since midnight of `HH:MM:SS`."""
    return _checked(f"2000-01-01T{text}Z") - _checked("2000-01-01T00:00:00Z")


@lru_cache(maxsize=4096)
def _end_micros(text: str) -> int:
    """Microseconds that `.ffffffZ` or a zone other than Z adds."""
    return _checked(f"2000-01-01T00:00:00{text}") - _checked("2000-01-01T00:00:00Z")


def _checked(text: str) -> int:
    """The slow way, strictly."""
    if _RFC3339.match(text) is None:
        raise ValueError
    return to_micros(datetime.fromisoformat(text))


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(micros: int) -> datetime:
    """The aware UTC datetime of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=micros)


@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    """`YYYY-MM-DDT` of a day since the epoch; events come in few days, so it is nearly always known."""
    return f"{date.fromordinal(_EPOCH_ORDINAL + day).isoformat()}T"


@lru_cache(maxsize=86_400)
def _clock_text(second: int) -> str:
    """`HH:MM:SSZ` of a second of the day."""
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def format_rfc3339(micros: int) -> str:
    """The one canonical text of a time: UTC, Z, a fraction only where there is one, no trailing zeros in it.

    Raises:
        ValueError: a year before 1 or after 9999.
    """
    seconds, fraction = divmod(micros, SECOND)
    day, second = divmod(seconds, 86_400)
    text = _day_text(day) + _clock_text(second)
    return f"{text[:-1]}.{fraction:06d}".rstrip("0") + "Z" if fraction else text


def month_of(micros: int, offset_minutes: int) -> str:
    """The calendar month `YYYY-MM` of a time, in a zone that is this many minutes east of UTC."""
    zone = timezone(timedelta(minutes=offset_minutes))
    return to_datetime(micros).astimezone(zone).strftime("%Y-%m")
