"""What the fast decoders of all services share: times, and what happens to a record that is not plainly an event.

A fast decoder accepts a record only when msgspec decoded it, every identifier matched, and the record holds exactly
the quotation marks of the fields that were decoded: then there is no unknown field and no name that stands twice,
which msgspec does not see. Anything else is looked at once more, slowly, by the public contract (schemas.reading).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from schemas.reading import Unreadable, read_object
from services.kernel.errors import Refused

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a msgspec decoder raises at a record that is not an event."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(text: str) -> int:
    """Microseconds since the epoch of a time whose text already matched schemas.limits.TIME.

    Raises:
        ValueError: a day that its month does not have.
    """
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


def refusal(parse: Callable[[bytes], object], raw: bytes, detail: str) -> Refused:
    """Why a record is refused, in the words of the public contract; `detail` where the contract has none."""
    try:
        parse(raw)
    except Unreadable as problem:
        return Refused(problem.reason, problem.detail)
    return Refused("invalid_field", detail)


def check_strictly(raw: bytes, max_bytes: int) -> None:
    """A record that holds more than what was decoded: unknown fields are fine, a name that stands twice is not.

    Raises:
        Refused: invalid_json.
    """
    try:
        read_object(raw, max_bytes)
    except Unreadable as problem:
        raise Refused(problem.reason, problem.detail) from None
