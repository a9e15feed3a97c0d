"""Moments and months as a person writes them, or as a timetable does that cannot reckon."""

TODAY = "today"
LAST = "last"


def moment_or_now(text: str | None) -> int:
    """The moment that was asked for, microseconds; now, to the second, without one.

    Args:
        text: RFC 3339, or `today`: when this day began in the settlement zone.

    Raises:
        InputRefused: it is neither.
    """
    from services.kernel.errors import InputRefused
    from services.kernel.time import day_start, parse_rfc3339
    from services.runtime.settings import settings

    if text is None:
        return _now()
    if text == TODAY:
        return day_start(_now(), settings().settlement_zone_minutes)
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise InputRefused(f"{text!r} is no moment: write it as 2026-12-01T00:00:00+08:00, or `today`") from None


def month_or_last(text: str) -> str:
    """The month that was asked for; `last` is the month that ended last in the settlement zone."""
    from services.kernel.time import month_of
    from services.runtime.settings import settings
    from services.settlement.domain.book.periods import month_before

    return month_before(month_of(_now(), settings().settlement_zone_minutes)) if text == LAST else text


def _now() -> int:
    """Microseconds, to the second."""
    from datetime import UTC, datetime

    from services.kernel.time import to_micros

    return to_micros(datetime.now(UTC).replace(microsecond=0))
