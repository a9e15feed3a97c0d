"""Moments as a person writes them."""


def moment_or_now(text: str | None) -> int:
    """The moment that was asked for, microseconds; now, to the second, without one.

    Raises:
        InputRefused: it is not written as RFC 3339 has it.
    """
    from datetime import UTC, datetime

    from services.kernel.errors import InputRefused
    from services.kernel.time import parse_rfc3339, to_micros

    if text is None:
        return to_micros(datetime.now(UTC).replace(microsecond=0))
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise InputRefused(f"{text!r} is no moment: write it as 2026-12-01T00:00:00+08:00") from None
