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
_DAY_END, _MINUTE_END, _SECOND_END = len("2026-11-01T"), len("2026-11-01T08:00:"), len("2026-11-01T08:00:00")
_PLACES = len("123456")
_MINUTE_TEXTS = [f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60)]
_SECOND_TEXTS = [f"{second:02d}" for second in range(60)]
_MINUTES = {text: minute * MINUTE for minute, text in enumerate(_MINUTE_TEXTS)}
_SECONDS = {text: second * SECOND for second, text in enumerate(_SECOND_TEXTS)}
"""`08:00:` and `00` of a clock: small enough to stay in a processor's cache, and what is not in them is no time."""


def parse_rfc3339(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time with an offset, at most microseconds fine.

    Events come in few days and zones, so each part is nearly always known.

    Raises:
        ValueError: not such a time (also: a day that its month does not have, a leap second).
    """
    end = text[_SECOND_END:]
    try:
        minutes, seconds = _MINUTES[text[_DAY_END:_MINUTE_END]], _SECONDS[text[_MINUTE_END:_SECOND_END]]
        whole = _day_micros(text[:_DAY_END]) + minutes + seconds
        return whole if end == "Z" else whole + _end_micros(end)
    except (KeyError, ValueError):
        raise ValueError(f"not an RFC 3339 time with an offset: {text[:40]!r}") from None


@lru_cache(maxsize=4096)
def _day_micros(text: str) -> int:
    """Microseconds since the epoch of `YYYY-MM-DDT`."""
    return _checked(f"{text}00:00:00Z")


def _end_micros(text: str) -> int:
    """Microseconds that a fraction adds, and a zone other than Z."""
    zone = "Z" if text[-1:] == "Z" else text[-len("+08:00") :]
    fraction = text[: len(text) - len(zone)]
    return (_fraction_micros(fraction) if fraction else 0) + _zone_micros(zone)


def _fraction_micros(text: str) -> int:
    """Microseconds of `.` and one to six digits."""
    digits = text[1:]
    if text[0] != "." or not (digits.isascii() and digits.isdigit() and len(digits) <= _PLACES):
        raise ValueError
    return int(digits.ljust(_PLACES, "0"))


@lru_cache(maxsize=4096)
def _zone_micros(text: str) -> int:
    """Microseconds that a zone adds."""
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


def format_rfc3339(micros: int) -> str:
    """The one canonical text of a time: UTC, Z, a fraction only where there is one, no trailing zeros in it.

    Raises:
        ValueError: a year before 1 or after 9999.
    """
    minutes, rest = divmod(micros, MINUTE)
    day, minute = divmod(minutes, 24 * 60)
    second, fraction = divmod(rest, SECOND)
    text = f"{_day_text(day)}{_MINUTE_TEXTS[minute]}{_SECOND_TEXTS[second]}"
    return f"{text}.{fraction:06d}".rstrip("0") + "Z" if fraction else f"{text}Z"


format_repeated_rfc3339 = lru_cache(maxsize=4096)(format_rfc3339)
"""The same, for times that are written again and again: when an order was paid, when a transaction began."""


def format_to_second(micros: int) -> str:
    """The time in a sentence for a person: like `format_rfc3339`, the fraction of its second left out."""
    return format_rfc3339(micros - micros % SECOND)


def month_of(micros: int, offset_minutes: int) -> str:
    """The calendar month `YYYY-MM` of a time, in a zone that is this many minutes east of UTC."""
    zone = timezone(timedelta(minutes=offset_minutes))
    return to_datetime(micros).astimezone(zone).strftime("%Y-%m")


def day_of(micros: int, offset_minutes: int) -> str:
    """The calendar day `YYYY-MM-DD` of a time, in a zone that is this many minutes east of UTC."""
    zone = timezone(timedelta(minutes=offset_minutes))
    return to_datetime(micros).astimezone(zone).date().isoformat()


def day_start(micros: int, offset_minutes: int) -> int:
    """When the calendar day of a time began, in a zone that is this many minutes east of UTC."""
    return _day_micros(f"{day_of(micros, offset_minutes)}T") - offset_minutes * MINUTE
