"""What the fast decoders of all services share: moments, and when a record may be decoded fast at all.

msgspec decodes what is known and skips what is not. The public models (schemas) read every byte, so a record in which
skipping could overlook something is left to them: text that is not UTF-8, numbers and nesting without end.
"""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.fields import CENTURY, MAX_EVENT_BYTES
from services.kernel.time import parse_rfc3339, to_micros

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises at a record that is for the public models to judge."""
_BEGIN, _END = (to_micros(datetime(year, 1, 1, tzinfo=UTC)) for year in CENTURY)
_OPENINGS = 190
"""Fewer brackets cannot nest as deeply as the models refuse."""
_SHORT = 4_096
"""A shorter record cannot hold a number as long as the models refuse."""
_ENDLESS = re.compile(rb"[0-9]{4096}")


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
    micros = parse_rfc3339(value)
    if not _BEGIN <= micros < _END:
        raise ValueError("not a time of this century")
    return Moment(micros)


def may_be_fast(raw: bytes) -> bool:
    """Whether skipping unknown fields of this record can overlook nothing that the public models refuse.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    if not raw.isascii():
        raw.decode()
    if raw.count(b"{") + raw.count(b"[") > _OPENINGS:
        return False
    return len(raw) <= _SHORT or (len(raw) <= MAX_EVENT_BYTES and _ENDLESS.search(raw) is None)
