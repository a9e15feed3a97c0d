"""The words that all events are made of, with their limits: identifiers, times, money, rates.

Types are strict: no text for a number, no 1.0 for 1, no true for 1. What is made or published is closed
(`additionalProperties: false` in the JSON Schemas); what is read may carry unknown fields (schemas.decoding).
"""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.currencies import CURRENCIES

IDENTIFIER_PATTERN = r"^[A-Za-z0-9._~=+@:-]{1,128}$"
WORD_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"
MOMENT_PATTERN = (
    r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
TEXT_PATTERN = r"^[^\u0000-\u001f\u007f]*$"
"""Free text without control characters."""
MAX_AMOUNT_MINOR = 10**12
MAX_QUANTITY = 10**6
MAX_LINES = 200
MAX_REASON_LENGTH = 200
MILLION = 1_000_000
CENTURY = (2000, 2100)
"""Years in UTC, from and before: what we publish is read by the same rule."""
MAX_EVENT_BYTES = 256 * 1024
"""A record larger than this is refused as invalid_size without being read."""

_MOMENT = re.compile(MOMENT_PATTERN.removesuffix("$") + r"\Z", re.ASCII)
_TIME_WANTED = (
    f"must be an RFC 3339 time with an offset, of the years {CENTURY[0]} to {CENTURY[1] - 1}, "
    "with at most six decimals of a second: 2026-11-01T08:00:00.123Z"
)


WRONG = "wrong_field"
"""pydantic's type of the errors that `wrong` makes."""


def wrong(field: str, sentence: str) -> PydanticCustomError:
    """What a validator of a whole model raises: the field that is wrong, and what it must be."""
    return PydanticCustomError(WRONG, "{field}: {sentence}", {"field": field, "sentence": sentence})


def _moment(value: object) -> datetime:
    """An aware time from its text, or as it is, for who makes events in Python."""
    if isinstance(value, str) and _MOMENT.match(value) is not None:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a day that the calendar has") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(_TIME_WANTED)
    if not CENTURY[0] <= value.astimezone(UTC).year < CENTURY[1]:
        raise ValueError(f"must be in the years {CENTURY[0]} to {CENTURY[1] - 1} in UTC")
    return value


def _currency(code: str) -> str:
    """A code as it is, if money can be in it."""
    if code not in CURRENCIES:
        raise ValueError("is not an ISO 4217 currency code, three capital letters such as CNY")
    return code


Identifier = Annotated[str, Field(pattern=IDENTIFIER_PATTERN)]
Word = Annotated[str, Field(pattern=WORD_PATTERN)]
Currency = Annotated[
    str,
    AfterValidator(_currency),
    Field(description="ISO 4217", json_schema_extra={"enum": [*sorted(CURRENCIES)]}),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": MOMENT_PATTERN}),
]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR, description="minor units")]
SignedAmount = Annotated[int, Field(ge=-MAX_AMOUNT_MINOR, le=MAX_AMOUNT_MINOR, description="minor units")]
Ppm = Annotated[int, Field(ge=0, le=MILLION, description="parts per million")]
Reason = Annotated[str, Field(max_length=MAX_REASON_LENGTH, pattern=TEXT_PATTERN)]


class Message(BaseModel):
    """What all messages share: strict types, closed, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
