"""What the fast decoders of all services share: moments, and the errors that leave a record to the public models."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.fields import CENTURY
from services.kernel.time import parse_rfc3339, to_micros

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises at a record that is for the public models to judge (ADR 0004)."""
_BEGIN, _END = (to_micros(datetime(year, 1, 1, tzinfo=UTC)) for year in CENTURY)


class Moment(int):
    """Microseconds since the epoch, read from RFC 3339 text."""

    __slots__ = ()


def read_moment(kind: type, value: object) -> Any:
    """msgspec's hook for a moment, from its text.

    Raises:
        ValueError: it is no time of this century.
    """
    if kind is not Moment or not isinstance(value, str):
        raise ValueError("not a time")
    return Moment(moment(value))


def moment(text: str) -> int:
    """Microseconds since the epoch of an event's time.

    Raises:
        ValueError: it is no time of this century.
    """
    micros = parse_rfc3339(text)
    if not _BEGIN <= micros < _END:
        raise ValueError("not a time of this century")
    return micros
